"""The values that the API accepts in a request, and the vendor's messages for all others."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from ._wire import RefusedError, refusal

T = TypeVar("T")

Query = Mapping[str, Sequence[str]]
"""The query parameters of a request."""

_MAX_MESSAGE = 4096
_MAX_ID = 2**63 - 1
_INTEGER = re.compile(r"-?[0-9]{1,19}")


def read_id(name: str, query: Query) -> int:
    """Return an id that must be present exactly once.

    Raises:
        RefusedError: With 400 if the id is not one integer from 1 to the largest int64.
    """
    if name not in query:
        raise _invalid(f"Required request parameter '{name}' is not present")
    return _at_least_1(name, _integer(query[name]))


def read_limit(query: Query, *, default: int, maximum: int) -> int:
    """Return the parameter `limit`.

    Raises:
        RefusedError: With 400 if the parameter is not one integer from 1 to `maximum`.
    """
    if "limit" not in query:
        return default
    limit = _integer(query["limit"])
    if limit < 1:
        raise _invalid("Non positive limit")
    if limit > maximum:
        raise _invalid("Limit exceeded")
    return limit


def read_message(values: Mapping[str, Any]) -> str:
    """Return the field `message`.

    Raises:
        RefusedError: With 400 if the field is not a text of 1 to 4096 characters.
    """
    message = _present("message", values.get("message"))
    # JSON can escape a lone surrogate, but UTF-8 cannot encode it.
    if not isinstance(message, str) or any("\ud800" <= character <= "\udfff" for character in message):
        raise _invalid("Illegal input at 'message'")
    if not 1 <= len(message) <= _MAX_MESSAGE:
        raise _invalid(f"'message' size must be between 1 and {_MAX_MESSAGE} (rejected value: '{message}')")
    return message


def read_number(path: str, value: Any) -> int:
    """Return an id in a body; `path` names the field.

    Raises:
        RefusedError: With 400 if the field is not an integer from 1 to the largest int64.
    """
    number = _present(path, value)
    if not isinstance(number, int) or isinstance(number, bool) or number > _MAX_ID:
        raise _invalid(f"Illegal input at '{path}'")
    return _at_least_1(path, number)


def read_object(path: str, value: Any) -> dict[str, Any]:
    """Return a field that must be an object.

    Raises:
        RefusedError: With 400 if the field is anything else.
    """
    if not isinstance(_present(path, value), dict):
        raise _invalid(f"Illegal input at '{path}'")
    return dict(value)


def read_name(path: str, value: Any, names: Collection[str]) -> str:
    """Return a field whose value must be one of `names`.

    Raises:
        RefusedError: With 400 if the value is anything else.
    """
    if _present(path, value) not in names:
        raise _invalid(f"Illegal input at '{path}'")
    return str(value)


def read_set(path: str, values: Any, read: Callable[[str, Any], T]) -> frozenset[T] | None:
    """Return the items of a list, which `read` reads one by one, or `None` if there is no list.

    Raises:
        RefusedError: With 400 if the list is empty or contains an item twice.
    """
    if values is None:
        return None
    if not isinstance(values, list):
        raise _invalid(f"Illegal input at '{path}'")
    if not values:
        raise _invalid(f"'{path}' must not be empty (rejected value: [])")
    items = frozenset(read(f"{path}[{index}]", value) for index, value in enumerate(values))
    if len(items) < len(values):
        raise _invalid(f"Illegal input at '{path}'")
    return items


def _integer(values: Sequence[str]) -> int:
    value = ",".join(values)
    if not _INTEGER.fullmatch(value) or int(value) > _MAX_ID:
        raise _invalid(f"Type mismatch: '{value}'")
    return int(value)


def _at_least_1(path: str, number: int) -> int:
    if number < 1:
        raise _invalid(f"'{path}' must be greater than or equal to 1 (rejected value: '{number}')")
    return number


def _present(path: str, value: Any) -> Any:
    if value is None:
        raise _invalid(f"'{path}' must not be null (rejected value: null)")
    return value


def _invalid(message: str) -> RefusedError:
    return refusal(400, message)
