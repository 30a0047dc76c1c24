from enum import StrEnum


class ChatType(StrEnum):
    ARBITRAGE = "ARBITRAGE"
    CHAT = "CHAT"

    def __str__(self) -> str:
        return str(self.value)
