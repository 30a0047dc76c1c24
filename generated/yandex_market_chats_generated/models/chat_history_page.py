from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.chat_message import ChatMessage
    from ..models.full_context import FullContext
    from ..models.pager import Pager


T = TypeVar("T", bound="ChatHistoryPage")


@_attrs_define
class ChatHistoryPage:
    """A page of the messages of a chat. The vendor does not document their order.

    Attributes:
        context (FullContext): What a chat is about and with whom.
        messages (list[ChatMessage]): The messages of this page.
        paging (Pager | Unset): How to get the next page.
    """

    context: FullContext
    messages: list[ChatMessage]
    paging: Pager | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        context = self.context.to_dict()

        messages = []
        for messages_item_data in self.messages:
            messages_item = messages_item_data.to_dict()
            messages.append(messages_item)

        paging: dict[str, Any] | Unset = UNSET
        if not isinstance(self.paging, Unset):
            paging = self.paging.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "context": context,
                "messages": messages,
            }
        )
        if paging is not UNSET:
            field_dict["paging"] = paging

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.chat_message import ChatMessage  # noqa: PLC0415
        from ..models.full_context import FullContext  # noqa: PLC0415
        from ..models.pager import Pager  # noqa: PLC0415

        d = dict(src_dict)
        context = FullContext.from_dict(d.pop("context"))

        messages = []
        _messages = d.pop("messages")
        for messages_item_data in _messages:
            messages_item = ChatMessage.from_dict(messages_item_data)

            messages.append(messages_item)

        _paging = d.pop("paging", UNSET)
        paging: Pager | Unset
        if isinstance(_paging, Unset):
            paging = UNSET
        else:
            paging = Pager.from_dict(_paging)

        chat_history_page = cls(
            context=context,
            messages=messages,
            paging=paging,
        )

        chat_history_page.additional_properties = d
        return chat_history_page

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
