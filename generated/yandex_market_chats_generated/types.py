"""Contains some shared types for properties"""

from collections.abc import Mapping, MutableMapping
from os.path import basename
from typing import IO, BinaryIO, Generic, Literal, TypeVar

from attrs import define


class Unset:
    def __bool__(self) -> Literal[False]:
        return False

    def __reduce__(self) -> str:
        return "UNSET"


UNSET: Unset = Unset()

# The types that `httpx.Client(files=)` can accept, copied from that library.
FileContent = IO[bytes] | bytes | str
FileTypes = (
    # (filename, file (or bytes), content_type)
    tuple[str | None, FileContent, str | None]
    # (filename, file (or bytes), content_type, headers)
    | tuple[str | None, FileContent, str | None, Mapping[str, str]]
)
RequestFiles = list[tuple[str, FileTypes]]


@define
class File:
    """Contains information for file uploads

    Every request reads the payload to its end: from its start if it is seekable, otherwise from its current position.

    Attributes:
        payload (BinaryIO): The file, opened in binary mode.
        file_name (str | None): Its name for the server. Default: the base name of `payload.name`, or else "file".
        mime_type (str | None): Its type for the server. Default: guessed from the name.
    """

    payload: BinaryIO
    file_name: str | None = None
    mime_type: str | None = None

    def to_tuple(self) -> FileTypes:
        """Return a tuple representation that httpx will accept for multipart/form-data"""
        if self.payload.seekable():
            self.payload.seek(0)
        content = self.payload.read()
        if isinstance(content, str):
            raise TypeError(
                "The payload of a File must be opened in binary mode, not in text mode."
            )
        name = getattr(self.payload, "name", None)
        default = basename(name) if isinstance(name, str) else ""
        return self.file_name or default or "file", content, self.mime_type


T = TypeVar("T")


@define
class Response(Generic[T]):
    """A response from an endpoint"""

    status_code: int
    content: bytes
    headers: MutableMapping[str, str]
    parsed: T | None


__all__ = ["UNSET", "File", "FileTypes", "RequestFiles", "Response", "Unset"]
