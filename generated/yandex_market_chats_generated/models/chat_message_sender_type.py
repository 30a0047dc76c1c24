from enum import StrEnum


class ChatMessageSenderType(StrEnum):
    CUSTOMER = "CUSTOMER"
    MARKET = "MARKET"
    PARTNER = "PARTNER"
    SUPPORT = "SUPPORT"

    def __str__(self) -> str:
        return str(self.value)
