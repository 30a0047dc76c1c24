from enum import StrEnum
from typing import Self


class ChatContextIdentifiableType(StrEnum):
    ORDER = "ORDER"
    RETURN = "RETURN"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        """Keep a value that the contract does not list."""
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member

    def __str__(self) -> str:
        return str(self.value)
