"""What the patched templates generate, shown with a contract of invented operations."""

import asyncio
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

import regenerate

pytestmark = pytest.mark.tooling

CONTRACT = """
openapi: 3.1.0
info: {title: Invented operations, version: 1.0.0}
paths:
  /shops/{shopId}/notes/find:
    post:
      operationId: findNotes
      tags: [notes]
      summary: Find notes
      description: Limited to 100 requests per hour.
      parameters:
        - $ref: '#/components/parameters/ShopId'
        - {name: pageToken, in: query, schema: {type: string}}
        - name: limit
          in: query
          description: The size of a page, from 1 to 20 notes.
          schema: {type: integer}
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: '#/components/schemas/FindNotesRequest'}}
      responses:
        '200':
          description: A page of notes.
          x-repeatable: true
          content:
            application/json: {schema: {$ref: '#/components/schemas/FindNotesResponse'}}
  /shops/{shopId}/note:
    get:
      operationId: getNote
      tags: [notes]
      parameters:
        - $ref: '#/components/parameters/ShopId'
        - $ref: '#/components/parameters/NoteId'
      responses:
        '200':
          description: The note.
          content:
            application/json: {schema: {$ref: '#/components/schemas/GetNoteResponse'}}
  /shops/{shopId}/note/file:
    post:
      operationId: attachFile
      tags: [notes]
      parameters:
        - $ref: '#/components/parameters/ShopId'
        - $ref: '#/components/parameters/NoteId'
      requestBody:
        required: true
        content:
          multipart/form-data: {schema: {$ref: '#/components/schemas/AttachFileRequest'}}
      responses:
        '200': {$ref: '#/components/responses/Ok'}
  /shops/{shopId}/notes/burn:
    post:
      operationId: burnNotes
      tags: [notes]
      parameters:
        - $ref: '#/components/parameters/ShopId'
      responses:
        '200':
          description: No notes are left.
          x-hand-written: burn
          content:
            application/json: {schema: {$ref: '#/components/schemas/Status'}}
components:
  parameters:
    ShopId: {name: shopId, in: path, required: true, schema: {type: integer}}
    NoteId: {name: noteId, in: query, required: true, schema: {type: integer}}
  responses:
    Ok:
      description: The file is attached.
      content:
        application/json: {schema: {$ref: '#/components/schemas/Status'}}
  schemas:
    Status:
      type: object
      required: [status]
      properties:
        status: {type: string}
    NoteKind: {type: string, enum: [draft, final]}
    Note:
      type: object
      required: [noteId, kind]
      properties:
        noteId: {type: integer}
        kind: {$ref: '#/components/schemas/NoteKind'}
        text: {type: string}
    Page:
      type: object
      required: [notes]
      properties:
        notes: {type: array, items: {$ref: '#/components/schemas/Note'}}
    FindNotesRequest:
      type: object
      properties:
        kinds: {type: [array, 'null'], items: {$ref: '#/components/schemas/NoteKind'}}
        text: {type: string, description: A part of the text.}
    FindNotesResponse:
      type: object
      required: [status]
      properties:
        status: {type: string}
        result: {$ref: '#/components/schemas/Page'}
    GetNoteResponse:
      type: object
      required: [status, result]
      properties:
        status: {type: string}
        result: {$ref: '#/components/schemas/Note'}
    AttachFileRequest:
      type: object
      required: [file]
      properties:
        file: {type: string, format: binary}
        caption: {type: string}
"""

PROGRAM = """
from io import BytesIO
from typing import assert_type

import invented
from invented.api.notes import AsyncNotesOperations, NotesOperations
from invented.models import Note, NoteKind, Page, Status
from invented.types import File


def use(notes: NotesOperations) -> None:
    assert_type(notes.find_notes(kinds=[NoteKind.DRAFT], text=None, limit=5), Page)
    assert_type(notes.get_note(note_id=1), Note)
    assert_type(notes.attach_file(note_id=1, file=File(BytesIO())), Status)
    assert_type(notes.shop_id, int)


async def use_async(notes: AsyncNotesOperations) -> None:
    assert_type(await notes.find_notes(), Page)


def misuse(notes: NotesOperations) -> None:  # an ignore without its error is an error
    notes.get_note(1)  # type: ignore[call-arg]
    notes.get_note(note_id=None)  # type: ignore[arg-type]
    notes.attach_file(note_id=1)  # type: ignore[call-arg]
    invented.Missing  # type: ignore[attr-defined]
"""

NOTE = {"noteId": 1, "kind": "final"}
Import = Callable[[str], Any]
Call = Callable[..., tuple[httpx.Request, Any]]
"""Returns the request that a method sends, and the result of the method."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Generate the package `invented` into a folder of the import path."""
    folder = tmp_path_factory.mktemp("operations")
    contract = folder / "openapi.yaml"
    contract.write_text(CONTRACT, encoding="utf-8")
    regenerate.generate(folder / "invented", contract)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder


@pytest.fixture
def invented(folder: Path) -> Import:
    """Return a function that imports a module of the package `invented`, which is in the folder."""
    assert (folder / "invented").is_dir()
    return lambda name: import_module(f"invented.{name}")


@pytest.fixture
def models(invented: Import) -> Any:
    """Return the module with the models."""
    return invented("models")


@pytest.fixture
def file(invented: Import) -> Any:
    """Return the class `File`."""
    return invented("types").File


@pytest.fixture
def call(invented: Import) -> Call:
    """Return a function that calls a method, which is awaited if `asynchronous` is true."""
    operations = invented("api.notes")

    def call(
        method: str, answer: dict[str, Any], *, asynchronous: bool = False, **arguments: Any
    ) -> tuple[httpx.Request, Any]:
        requests: list[httpx.Request] = []

        def respond(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            return httpx.Response(200, json=answer)

        settings: dict[str, Any] = {
            "base_url": "https://api.example.test",
            "transport": httpx.MockTransport(respond),
        }

        def send(_: Any, get_kwargs: Any, parse: Any, **_arguments: Any) -> Any:
            with httpx.Client(**settings) as client:
                return parse(client.request(**get_kwargs()))

        async def asend(_: Any, get_kwargs: Any, parse: Any, **_arguments: Any) -> Any:
            async with httpx.AsyncClient(**settings) as client:
                return parse(await client.request(**get_kwargs()))

        if asynchronous:
            notes = type("Notes", (operations.AsyncNotesOperations,), {"shop_id": 7, "_call": asend})()
            result = asyncio.run(getattr(notes, method)(**arguments))
        else:
            notes = type("Notes", (operations.NotesOperations,), {"shop_id": 7, "_call": send})()
            result = getattr(notes, method)(**arguments)
        return requests[0], result

    return call


in_threads_and_tasks = pytest.mark.parametrize("asynchronous", [False, True], ids=["threads", "tasks"])


@in_threads_and_tasks
def test_a_method_sends_its_arguments_and_returns_the_result(
    call: Call, models: Any, *, asynchronous: bool
) -> None:
    """Callers see neither the body model nor the envelope, and optional arguments are left out."""
    answer = {"status": "OK", "result": {"notes": [NOTE]}}
    kind = models.NoteKind.FINAL
    arguments = {"kinds": [kind], "page_token": "next", "limit": None}
    request, page = call("find_notes", answer, asynchronous=asynchronous, **arguments)
    assert (request.method, str(request.url)) == (
        "POST",
        "https://api.example.test/shops/7/notes/find?pageToken=next",
    )
    assert request.content == b'{"kinds":["final"]}'
    assert page == models.Page(notes=[models.Note(note_id=1, kind=kind)])


def test_a_response_without_a_result_is_returned_as_it_is(call: Call, models: Any, file: Any) -> None:
    """Some operations answer with a status alone."""
    _, status = call("attach_file", {"status": "OK"}, note_id=1, file=file(io.BytesIO(b"x")))
    assert status == models.Status("OK")


@in_threads_and_tasks
def test_only_marked_operations_are_repeatable(call: Call, file: Any, *, asynchronous: bool) -> None:
    """A request without the mark must not be sent twice, so the mark has to be exact."""
    attached = {"note_id": 1, "file": file(io.BytesIO(b"x"))}
    marked, _ = call("find_notes", {"status": "OK"}, asynchronous=asynchronous)
    unmarked, _ = call("attach_file", {"status": "OK"}, asynchronous=asynchronous, **attached)
    assert marked.extensions["repeatable"] is True
    assert "repeatable" not in unmarked.extensions


def test_a_missing_result_is_unset_and_an_unreadable_one_raises(invented: Import) -> None:
    """The client can distinguish neither from a result unless the parser does."""
    parse = invented("api.notes.find_notes")._parse_result
    assert parse(httpx.Response(200, json={"status": "OK"})) is invented("types").UNSET
    for body in (b"", b"<html>", b"null", b"{}", b'{"status": "OK", "result": null}'):
        with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
            parse(httpx.Response(200, content=body))


def test_a_hand_written_operation_has_no_generated_method(invented: Import) -> None:
    """Two methods for one operation would differ in what they check and return."""
    operations = invented("api.notes")
    methods = {name for name in vars(operations.NotesOperations) if not name.startswith("_")}
    assert methods == {"find_notes", "get_note", "attach_file"}


def test_a_docstring_says_what_the_contract_says(invented: Import) -> None:
    """Limits, bounds and units are in the words of the contract alone."""
    docstring = invented("api.notes").AsyncNotesOperations.find_notes.__doc__
    assert "Find notes\n\n        Limited to 100 requests per hour.\n" in docstring
    assert "limit: The size of a page, from 1 to 20 notes.\n" in docstring
    assert "text: A part of the text.\n" in docstring
    assert "Returns:\n            A page of notes.\n" in docstring


def test_two_arguments_of_one_name_are_an_error(tmp_path: Path) -> None:
    """A property of the body would otherwise silently replace a query parameter."""
    contract = tmp_path / "openapi.yaml"
    contract.write_text(CONTRACT.replace("caption:", "noteId:"), encoding="utf-8")
    with pytest.raises(SyntaxError, match="duplicate argument 'note_id'"):
        regenerate.generate(tmp_path / "invented", contract)


def test_callers_see_exact_types(folder: Path) -> None:
    """A cast at the caller would hide a change of the contract."""
    (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "program.py", "invented"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.startswith("Success: no issues found")


def test_importing_the_operations_imports_nothing_else(folder: Path) -> None:
    """A program that only checks its settings or prints its help must start quickly."""
    program = (
        "import sys, invented.api.notes, invented.models;"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in {'invented', 'httpx', 'attrs'}))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
    )
    assert ended.stdout == "['invented', 'invented.api', 'invented.api.notes', 'invented.models']\n"


def test_lazy_modules_have_exactly_their_public_names(models: Any) -> None:
    """A star import and a misspelled name behave as in any module."""
    for module in (models, import_module("invented")):
        assert [name for name in module.__all__ if not isinstance(getattr(module, name), type)] == []
        with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'Missing'"):
            module.Missing  # noqa: B018


@pytest.mark.parametrize("value", ["final", "published later"])
def test_an_enum_keeps_values_that_the_contract_does_not_list(value: str, models: Any) -> None:
    """The API may gain values, and one of them must not make a response unreadable."""
    note = models.Note.from_dict({**NOTE, "kind": value})
    assert isinstance(note.kind, models.NoteKind)
    assert (note.kind, str(note.kind), hash(note.kind)) == (value, value, hash(value))
    copy = pickle.loads(pickle.dumps(note))
    assert copy == note
    assert copy.to_dict() == note.to_dict() == {**NOTE, "kind": value}


def test_an_enum_rejects_values_that_are_not_strings(models: Any) -> None:
    """A value that the contract does not list yet is a string like the others."""
    with pytest.raises(ValueError, match="5 is not a valid NoteKind"):
        models.NoteKind(5)


def parts(request: httpx.Request) -> bytes:
    """Return the body of a multipart request, with the boundary replaced by `boundary`."""
    boundary = request.headers["Content-Type"].removeprefix("multipart/form-data; boundary=")
    assert len(boundary) == 32
    assert request.headers["Content-Length"] == str(len(request.content))
    return request.content.replace(boundary.encode(), b"boundary")


def test_a_file_is_sent_whole_each_time(call: Call, file: Any) -> None:
    """A caller that sends a file again after an error must not send an empty one."""
    content = io.BytesIO(b"first\r\n--+++\r\nsecond")
    content.seek(5)
    upload = file(content, file_name="a.txt")
    for _ in range(2):
        request, _ = call("attach_file", {"status": "OK"}, note_id=1, file=upload, caption="Text")
        assert parts(request) == (
            b'--boundary\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
            b"Content-Type: text/plain\r\n\r\nfirst\r\n--+++\r\nsecond\r\n"
            b'--boundary\r\nContent-Disposition: form-data; name="caption"\r\n'
            b"Content-Type: text/plain\r\n\r\nText\r\n--boundary--\r\n"
        )


def test_a_pipe_is_sent_with_its_length(call: Call, file: Any) -> None:
    """The length that httpx declares for a pipe is 0, and then it fails to send the content."""
    end, start = os.pipe()
    os.write(start, b"piped")
    os.close(start)
    with os.fdopen(end, "rb") as pipe:
        request, _ = call("attach_file", {"status": "OK"}, note_id=1, file=file(pipe))
    assert b"\r\n\r\npiped\r\n" in parts(request)


def test_a_file_always_has_a_name(file: Any, tmp_path: Path) -> None:
    """A part without a name is a form field, which the server does not accept as a file."""
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with (tmp_path / "photo.jpg").open("rb") as photo:
        assert file(photo).to_tuple()[0] == "photo.jpg"
        assert file(photo, file_name="other.jpg").to_tuple()[0] == "other.jpg"
    assert file(io.BytesIO(b"x")).to_tuple()[0] == "file"
    assert file(io.BytesIO(b"x"), file_name="").to_tuple()[0] == "file"


def test_a_file_in_text_mode_is_rejected(file: Any) -> None:
    """Decoding and encoding could change the bytes of the file."""
    with pytest.raises(TypeError, match="must be opened in binary mode"):
        file(io.StringIO("x")).to_tuple()
