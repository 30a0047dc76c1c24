"""The files of `yandex_market_chats.bulk`: the rows that are read, and the report that is written."""

import csv
import os
from pathlib import Path

import pytest

from yandex_market_chats import InvalidRequestError
from yandex_market_chats.bulk import Entry, Row, State, read_rows, write_report


def write(folder: Path, text: str | bytes, name: str = "orders.csv") -> Path:
    """Write a file with exactly this text."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def errors(path: Path) -> list[str]:
    """Return the errors in a file, without its path."""
    with pytest.raises(InvalidRequestError) as caught:
        read_rows(path)
    return str(caught.value).replace(f"{path}, ", "").splitlines()


@pytest.mark.parametrize(
    "text",
    [
        "chat_id,message\n42,Привет\n",
        "\ufeffchat_id;message\r\n42;Привет\r\n",
        'Message, Chat_ID \n"Привет", 42',
        '\n{"chat_id": 42, "message": "Привет"}\r\n\r\n',
    ],
    ids=["comma", "excel", "quoted", "jsonl"],
)
def test_rows_are_read_from_what_people_export(tmp_path: Path, text: str) -> None:
    """Excel in Russia writes a BOM, semicolons and CRLF; the order of the columns does not matter."""
    name = "orders.JSONL" if "{" in text else "orders.CSV"
    assert read_rows(write(tmp_path, text, name)) == [Row(42, "Привет")]


def test_a_message_is_read_exactly_as_it_is_written(tmp_path: Path) -> None:
    """A message may contain the separator, quotes and line breaks, and spaces at its ends are part of it."""
    path = write(tmp_path, 'chat_id,message\n42," Да, ""завтра""\r\nв 10\u2028 "\n43,Нет\n')
    assert [row.message for row in read_rows(path)] == [' Да, "завтра"\r\nв 10\u2028 ', "Нет"]
    path = write(tmp_path, '{"chat_id": 42, "message": "a\u2028\\n b "}', "orders.jsonl")
    assert [row.message for row in read_rows(path)] == ["a\u2028\n b "]


def test_a_key_is_read_and_an_empty_one_is_the_default(tmp_path: Path) -> None:
    """A file may have keys for some of its rows only."""
    path = write(tmp_path, "key,chat_id,message\norder-7,42,Привет\n,42,Привет\n")
    assert [row.key for row in read_rows(path)] == ["order-7", Row(42, "Привет").key]


def test_all_errors_of_a_csv_file_are_listed_with_their_lines(tmp_path: Path) -> None:
    """A file is corrected in one go; a record that spans lines counts as the line where it starts."""
    path = write(
        tmp_path,
        'chat_id,message\n42,"two\nlines"\n4.2E+09,Привет\n42,\n\n0,Привет\n42,Привет, мир\n42\n42,"open',
    )
    assert errors(path) == [
        "line 4: chat_id must consist of digits, not '4.2E+09'; in Excel, format it as a number.",
        "line 5: message must have 1 to 4096 characters; this one has 0.",
        "line 7: chat_id must be an integer from 1 to 2**63 - 1.",
        "line 8: 3 cells instead of 2: quote a text that contains the separator.",
        "line 9: 1 cells instead of 2: quote a text that contains the separator.",
        "line 10: unexpected end of data: check the quotes.",
    ]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", "nothing"),
        ("chat_id\n", "chat_id"),
        ("chat_id,message,name\n", "chat_id, message, name"),
        ("chat_id,message,Message\n", "chat_id, message, message"),
    ],
)
def test_other_columns_are_rejected(tmp_path: Path, header: str, found: str) -> None:
    """A misspelled `key` must not silently become the default key."""
    (error,) = errors(write(tmp_path, header))
    assert error.startswith("line 1: the columns must be chat_id, message and, optionally, key, separated by")
    assert error.endswith(f"; found: {found}.")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('{"chat_id": 42, "message" 1}', "column 27: invalid JSON: Expecting ':' delimiter."),
        ("[" * 100_000, "column 1: invalid JSON: maximum recursion depth exceeded"),
        ("[]", "must be an object with chat_id, message and, optionally, key."),
        ('{"chat_id": 42, "text": "a"}', "must be an object with chat_id, message and, optionally, key."),
        ('{"chat_id": 42.0, "message": "a"}', "chat_id must be an int, not float."),
        ('{"chat_id": 42, "message": null}', "message must be a str, not NoneType."),
        ('{"chat_id": 42, "message": "a", "key": 7}', "key must be a str, not int."),
    ],
)
def test_an_invalid_line_of_jsonl_is_rejected(tmp_path: Path, line: str, error: str) -> None:
    """The error names the line and, for invalid JSON, the column."""
    (found,) = errors(write(tmp_path, f'{{"chat_id": 42, "message": "a"}}\n{line}', "orders.jsonl"))
    assert found.startswith(f"line 2: {error}")


def test_rows_of_empty_cells_are_skipped(tmp_path: Path) -> None:
    """Excel writes them for rows that were cleared."""
    rows = read_rows(write(tmp_path, "chat_id;message\n42;Привет\n;\n"))
    assert [row.chat_id for row in rows] == [42]


def test_a_file_that_is_not_utf8_is_rejected(tmp_path: Path) -> None:
    """A text in another encoding is rejected, not sent garbled."""
    path = write(tmp_path, "chat_id,message\n42,a\n43,Привет\n".encode("cp1251"))
    assert errors(path) == ["line 3: the file must be UTF-8: convert it; in Excel, save it as CSV UTF-8."]


def test_a_file_of_another_kind_is_rejected(tmp_path: Path) -> None:
    """The ending says how to read a file."""
    assert errors(tmp_path / "orders.xlsx")[0].endswith("the name of the file must end in .csv or .jsonl.")


def test_at_most_20_errors_are_listed(tmp_path: Path) -> None:
    """A file in which each line is wrong must not flood the screen."""
    found = errors(write(tmp_path, "chat_id,message\n" + "x,a\n" * 23))
    assert (len(found), found[-1]) == (21, "… and 3 more.")


@pytest.mark.parametrize("key", ["a\nb", "\ud800", "a" * 201])
def test_a_key_that_could_not_be_typed_is_rejected(key: str) -> None:
    """People copy keys from a report to a command line."""
    with pytest.raises(InvalidRequestError, match="key must have at most 200 characters, all printable"):
        Row(42, "Привет", key)


def test_the_default_key_is_made_of_the_chat_and_the_text() -> None:
    """The same text in another chat is another message."""
    keys = {Row(chat_id, text).key for chat_id in (42, 43, 42) for text in ("Привет", "Пока")}
    assert len(keys) == 4


ENTRY = Entry(42, 'Да, "завтра"\nв 10', "order-7", State.SENT, 2, None, None, 99)


def test_the_report_has_a_row_for_each_entry(tmp_path: Path) -> None:
    """The report can be read back with its line breaks and quotes."""
    write_report(tmp_path / "report.csv", [ENTRY])
    with (tmp_path / "report.csv").open(encoding="utf-8", newline="") as file:
        header, row = csv.reader(file)
    assert header == ["chat_id", "message", "key", "state", "attempts", "time", "error", "message_id"]
    assert row == ["42", 'Да, "завтра"\nв 10', "order-7", "sent", "2", "", "", "99"]


def test_a_report_that_fails_leaves_the_previous_one(tmp_path: Path) -> None:
    """Half a report would look like a whole one."""
    write_report(tmp_path / "report.csv", [ENTRY])
    before = (tmp_path / "report.csv").read_bytes()
    with pytest.raises(ZeroDivisionError):
        write_report(tmp_path / "report.csv", (ENTRY for n in (1, 0) if 1 / n))
    assert [path.name for path in tmp_path.iterdir()] == ["report.csv"]
    assert (tmp_path / "report.csv").read_bytes() == before


def test_the_report_replaces_nothing_but_files(tmp_path: Path) -> None:
    """The report is moved to its path, which would turn even /dev/null into a file."""
    for path in (tmp_path, Path(os.devnull)):
        with pytest.raises(OSError, match="it is not a file"):
            write_report(path, [ENTRY])
