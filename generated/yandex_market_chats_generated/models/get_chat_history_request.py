from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="GetChatHistoryRequest")


@_attrs_define
class GetChatHistoryRequest:
    """Which messages of a chat to return.

    Attributes:
        message_id_from (int | Unset): The id of the first message to return; all later messages follow. The vendor does
            not document whether this message itself is included: expect either.
    """

    message_id_from: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        message_id_from = self.message_id_from

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if message_id_from is not UNSET:
            field_dict["messageIdFrom"] = message_id_from

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        message_id_from = d.pop("messageIdFrom", UNSET)

        get_chat_history_request = cls(
            message_id_from=message_id_from,
        )

        get_chat_history_request.additional_properties = d
        return get_chat_history_request

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
