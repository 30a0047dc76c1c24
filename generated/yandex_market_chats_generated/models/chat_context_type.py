from enum import StrEnum


class ChatContextType(StrEnum):
    DIRECT = "DIRECT"
    ORDER = "ORDER"
    RETURN = "RETURN"

    def __str__(self) -> str:
        return str(self.value)
