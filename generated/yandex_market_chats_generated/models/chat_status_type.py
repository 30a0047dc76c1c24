from enum import StrEnum


class ChatStatusType(StrEnum):
    FINISHED = "FINISHED"
    NEW = "NEW"
    WAITING_FOR_ARBITER = "WAITING_FOR_ARBITER"
    WAITING_FOR_CUSTOMER = "WAITING_FOR_CUSTOMER"
    WAITING_FOR_MARKET = "WAITING_FOR_MARKET"
    WAITING_FOR_PARTNER = "WAITING_FOR_PARTNER"

    def __str__(self) -> str:
        return str(self.value)
