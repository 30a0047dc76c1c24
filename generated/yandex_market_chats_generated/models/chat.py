from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.chat_status_type import ChatStatusType
from ..models.chat_type import ChatType

if TYPE_CHECKING:
    from ..models.full_context import FullContext


T = TypeVar("T", bound="Chat")


@_attrs_define
class Chat:
    """A chat with a buyer.

    Attributes:
        chat_id (int): The id of the chat.
        context (FullContext): What a chat is about and with whom.
        type_ (ChatType): The type of a chat:

            * `CHAT`: a chat with the buyer.
            * `ARBITRAGE`: a dispute.
        status (ChatStatusType): The status of a chat:

            * `NEW`: a new chat.
            * `WAITING_FOR_CUSTOMER`: the buyer has to answer.
            * `WAITING_FOR_PARTNER`: the seller has to answer.
            * `WAITING_FOR_ARBITER`: the arbiter has to answer.
            * `WAITING_FOR_MARKET`: Yandex Market has to answer.
            * `FINISHED`: the chat is over.
        created_at (datetime.datetime): When the chat was created, in ISO 8601 with an offset from UTC.
        updated_at (datetime.datetime): When the last message was sent, in ISO 8601 with an offset from UTC.
    """

    chat_id: int
    context: FullContext
    type_: ChatType
    status: ChatStatusType
    created_at: datetime.datetime
    updated_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        chat_id = self.chat_id

        context = self.context.to_dict()

        type_ = self.type_.value

        status = self.status.value

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "chatId": chat_id,
                "context": context,
                "type": type_,
                "status": status,
                "createdAt": created_at,
                "updatedAt": updated_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.full_context import FullContext  # noqa: PLC0415

        d = dict(src_dict)
        chat_id = d.pop("chatId")

        context = FullContext.from_dict(d.pop("context"))

        type_ = ChatType(d.pop("type"))

        status = ChatStatusType(d.pop("status"))

        created_at = datetime.datetime.fromisoformat(d.pop("createdAt"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updatedAt"))

        chat = cls(
            chat_id=chat_id,
            context=context,
            type_=type_,
            status=status,
            created_at=created_at,
            updated_at=updated_at,
        )

        chat.additional_properties = d
        return chat

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
