"""`python -m yandex_market_chats` is the command `yandex-market-chats`."""

from yandex_market_chats.cli import main

main()
