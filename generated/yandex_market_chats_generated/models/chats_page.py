from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.chat import Chat
    from ..models.pager import Pager


T = TypeVar("T", bound="ChatsPage")


@_attrs_define
class ChatsPage:
    """A page of chats. The vendor does not document their order.

    Attributes:
        chats (list[Chat]): The chats of this page.
        paging (Pager | Unset): How to get the next page.
    """

    chats: list[Chat]
    paging: Pager | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        chats = []
        for chats_item_data in self.chats:
            chats_item = chats_item_data.to_dict()
            chats.append(chats_item)

        paging: dict[str, Any] | Unset = UNSET
        if not isinstance(self.paging, Unset):
            paging = self.paging.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "chats": chats,
            }
        )
        if paging is not UNSET:
            field_dict["paging"] = paging

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.chat import Chat  # noqa: PLC0415
        from ..models.pager import Pager  # noqa: PLC0415

        d = dict(src_dict)
        chats = []
        _chats = d.pop("chats")
        for chats_item_data in _chats:
            chats_item = Chat.from_dict(chats_item_data)

            chats.append(chats_item)

        _paging = d.pop("paging", UNSET)
        paging: Pager | Unset
        if isinstance(_paging, Unset):
            paging = UNSET
        else:
            paging = Pager.from_dict(_paging)

        chats_page = cls(
            chats=chats,
            paging=paging,
        )

        chats_page.additional_properties = d
        return chats_page

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
