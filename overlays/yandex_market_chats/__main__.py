"""`python -m yandex_market_chats` is the command `yandex-market-chats`."""

from yandex_market_chats._cli import main

main()
