"""Reads the rows of a CSV or JSONL file, and writes the report."""

import csv
import errno
import io
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from yandex_market_chats._errors import InvalidRequestError
from yandex_market_chats._limits import parse_number

from ._rows import Entry, Row

COLUMNS = {"chat_id", "message", "key"}
REQUIRED = {"chat_id", "message"}
EXPECTED = "chat_id, message and, optionally, key, separated by commas or semicolons"
MAX_ERRORS = 20
"""How many errors of a file are listed."""

Record = tuple[int, dict[str, Any] | str]
"""The number of a row's line, and the values of the row or what is wrong with it."""


def read_rows(path: str | os.PathLike[str]) -> list[Row]:
    """Read the rows of a file in UTF-8: `.csv` (comma or semicolon) or `.jsonl` (an object on each line).

    The columns (or properties) are `chat_id`, `message` and, optionally, `key`.

    Raises:
        InvalidRequestError: The file is invalid; the text lists the errors with their lines and columns.
        OSError: The file cannot be read.
    """
    path = Path(path)
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl}
    if path.suffix.lower() not in readers:
        raise InvalidRequestError(f"{path}: the name of the file must end in .csv or .jsonl.")
    rows: list[Row] = []
    errors: list[str] = []
    for line, values in readers[path.suffix.lower()](_decode(path)):
        source = f"{path}, line {line}"
        if isinstance(values, str):
            errors.append(f"{source}: {values}")
            continue
        try:
            rows.append(Row(**values, source=source))
        except InvalidRequestError as error:
            errors.append(f"{source}: {error}")
    if errors:
        more = f"\n… and {len(errors) - MAX_ERRORS} more." if len(errors) > MAX_ERRORS else ""
        raise InvalidRequestError("\n".join(errors[:MAX_ERRORS]) + more)
    return rows


def write_report(path: str | os.PathLike[str], entries: Iterable[Entry]) -> None:
    """Write a CSV file with a row for each entry. The file appears complete, or not at all.

    Raises:
        OSError: The file cannot be written, or the path names a device, a pipe or a folder.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "it is not a file", str(path))  # /dev/null would be replaced
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".report-") as folder:
        complete = Path(folder, path.name)
        with complete.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(Entry._fields)
            writer.writerows(entries)
        complete.replace(path)


def _decode(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidRequestError(
            f"{path}, line {line}: the file must be UTF-8: convert it; in Excel, save it as CSV UTF-8."
        ) from None


def _read_csv(text: str) -> Iterator[Record]:
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        if not REQUIRED <= set(names) <= COLUMNS or len(set(names)) < len(names):
            found = ", ".join(names) or "nothing"
            yield line, f"the columns must be {EXPECTED}; found: {found}."
            return
        line = reader.line_num + 1
        for cells in reader:
            if any(cells):  # Excel leaves rows of empty cells
                yield line, _values(names, cells)
            line = reader.line_num + 1
    except csv.Error as error:
        yield line, f"{error}: check the quotes."


def _values(names: list[str], cells: list[str]) -> dict[str, Any] | str:
    if len(cells) != len(names):
        return f"{len(cells)} cells instead of {len(names)}: quote a text that contains the separator."
    values: dict[str, Any] = dict(zip(names, cells, strict=True))
    number = parse_number(values["chat_id"].strip())
    if number is None:
        return f"chat_id must consist of digits, not {values['chat_id']!r}; in Excel, format it as a number."
    return {**values, "chat_id": number}


def _read_jsonl(text: str) -> Iterator[Record]:
    for line, content in enumerate(text.split("\n"), 1):
        if content.strip():
            yield line, _parse_object(content)


def _parse_object(text: str) -> dict[str, Any] | str:
    try:
        values = json.loads(text)
    except (RecursionError, ValueError) as error:
        return f"column {getattr(error, 'colno', 1)}: invalid JSON: {getattr(error, 'msg', error)}."
    if not isinstance(values, dict) or not REQUIRED <= set(values) <= COLUMNS:
        return "must be an object with chat_id, message and, optionally, key."
    return values
