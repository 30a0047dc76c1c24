"""Which differences from the vendor's contract scripts/vendor_diff.py reports."""

from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

import vendor_diff
from versions import CONTRACT, ROOT

pytestmark = pytest.mark.tooling

OURS = """
openapi: 3.1.0
security: [{Key: []}]
paths:
  /shops/{id}/notes:
    post:
      operationId: findNotes
      tags: [chats]
      summary: Find notes
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer, minimum: 1}}
        - {name: limit, in: query, schema: {type: integer, maximum: 20}, example: 20}
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              properties:
                kinds: {type: [array, 'null'], minItems: 1, items: {type: string, enum: [OPEN, CLOSED]}}
      responses:
        '200':
          description: Notes.
          x-repeatable: true
          headers: {X-Limit: {schema: {type: integer}}}
          content:
            application/json:
              schema:
                description: The answer.
                allOf:
                  - {$ref: '#/components/schemas/Envelope'}
                  - {type: object, properties: {result: {type: string, maxLength: 9}}}
        '420': {description: Too many requests.}
components:
  schemas:
    Envelope: {type: object, required: [status], properties: {status: {type: string}}}
  securitySchemes:
    Key: {type: apiKey, in: header, name: Api-Key, description: A token.}
"""
# The same on the wire, written differently.
THEIRS = """
openapi: 3.0.3
components:
  parameters:
    Limit:
      name: limit
      in: query
      required: false
      x-aliases: [limit, page_size]
      schema: {type: integer, maximum: 20}
  responses:
    '420': {description: Enhance your calm}
  schemas:
    Kind: {type: string, description: Two kinds, enum: [CLOSED, OPEN]}
    FindNotesRequest:
      type: object
      properties:
        kinds: {type: array, nullable: true, minItems: 1, items: {$ref: '#/components/schemas/Kind'}}
    Base: {type: object, required: [status], properties: {status: {type: string, example: OK}}}
    FindNotesResponse:
      allOf:
        - $ref: '#/components/schemas/Base'
        - properties: {result: {type: string, maxLength: 9}}
  securitySchemes:
    Key: {type: apiKey, in: header, name: Api-Key}
security: [{Key: []}]
paths:
  /orders:
    get: {operationId: getOrders, tags: [orders], responses: {}}
  /shops/{id}/notes:
    parameters:
      - {name: id, in: path, required: true, schema: {type: integer, minimum: 1}}
    post:
      operationId: findNotes
      tags: [dbs, chats]
      x-auth-scopes: [all-methods, all-methods:read-only]
      parameters:
        - $ref: '#/components/parameters/Limit'
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: '#/components/schemas/FindNotesRequest'}
      responses:
        '420': {$ref: '#/components/responses/420'}
        '200':
          description: OK
          content:
            application/json:
              schema: {$ref: '#/components/schemas/FindNotesResponse'}
"""


def review(theirs: str, known: dict[str, str] | None = None) -> tuple[list[str], bool]:
    """Compare the small contract of this file with one of the vendor's."""
    return vendor_diff.review(yaml.safe_load(OURS), yaml.safe_load(theirs), known or {})


def test_what_is_invisible_on_the_wire_is_no_difference() -> None:
    """References, texts, order, aliases and the way null is written differ in every contract."""
    assert review(THEIRS) == ([], True)


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("operationId: findNotes", "operationId: seekNotes", "findNotes (only ours)"),
        (
            "  /shops/{id}/notes:",
            "  /shops/{id}/memos:",
            "findNotes at POST /shops/{id}/notes (the vendor's is POST /shops/{id}/memos)",
        ),
        ("tags: [orders]", "tags: [chats]", "getOrders (only the vendor's)"),
        (
            "    post:\n",
            "    put:\n",
            "findNotes at POST /shops/{id}/notes (the vendor's is PUT /shops/{id}/notes)",
        ),
        (
            "required: false",
            "required: true",
            "findNotes parameters query limit required True (only the vendor's)",
        ),
        ("maximum: 20", "maximum: 30", "findNotes parameters query limit maximum 20 (the vendor's is 30)"),
        ("nullable: true, ", "", "findNotes requestBody application/json kinds type null (only ours)"),
        (
            "[CLOSED, OPEN]",
            "[CLOSED, OPEN, LOST]",
            "findNotes requestBody application/json kinds items enum LOST (only the vendor's)",
        ),
        ("required: [status], ", "", "findNotes 200 application/json required status (only ours)"),
        (
            "maxLength: 9",
            "format: date",
            "findNotes 200 application/json result format date (only the vendor's)",
        ),
        ("'420': {$ref", "'429': {$ref", "findNotes 429 (only the vendor's)"),
        (", all-methods:read-only", "", "findNotes repeatable True (the vendor's is False)"),
        ("name: Api-Key", "name: X-Key", "credentials Key name Api-Key (the vendor's is X-Key)"),
        ("security: [{Key: []}]", "", "security {'Key': []} (only ours)"),
    ],
)
def test_what_is_visible_on_the_wire_is_a_difference(old: str, new: str, difference: str) -> None:
    """A client that follows an outdated contract fails at the vendor's next release."""
    assert old in THEIRS
    lines, passes = review(THEIRS.replace(old, new))
    assert f"New: {difference}" in lines
    assert not passes


def test_a_known_difference_passes_with_its_reason() -> None:
    """The report still shows what differs, and why."""
    known = {"findNotes parameters query limit maximum 20 (the vendor's is 30)": "More than 20 are slow."}
    lines, passes = review(THEIRS.replace("maximum: 20", "maximum: 30"), known)
    assert lines == [f"Known: {difference}. {reason}" for difference, reason in known.items()]
    assert passes


def test_a_known_difference_that_is_gone_is_reported() -> None:
    """An outdated entry would hide the difference if it came back for another reason."""
    lines, passes = review(THEIRS, {"findNotes (only ours)": "It is new."})
    assert lines == ["Gone, remove it from vendor_differences.yaml: findNotes (only ours)"]
    assert passes


def test_a_contract_in_several_files_is_rejected() -> None:
    """The vendor's repository splits its contract, and the message says how to join it."""
    with pytest.raises(SystemExit, match=r"^limit\.yaml is another file: .* `redocly bundle`"):
        review(THEIRS.replace("'#/components/parameters/Limit'", "limit.yaml"))


def test_the_file_is_compared_with_our_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Our contract does not differ from itself, but differs from any other one."""
    assert vendor_diff.main(str(ROOT / CONTRACT)) == 0
    assert "Every difference is known." in capsys.readouterr().out
    other = tmp_path / "other.yaml"
    other.write_text(THEIRS, encoding="utf-8")
    assert vendor_diff.main(str(other)) == 1
    assert "New: sendMessageToChat (only ours)" in capsys.readouterr().out


def test_a_missing_file_is_reported() -> None:
    """`make vendor-diff` without SPEC says what to pass."""
    with pytest.raises(SystemExit, match="SPEC=file"):
        vendor_diff.main("")


def test_a_file_that_is_not_openapi_is_reported(tmp_path: Path) -> None:
    """An error page that was saved instead of the contract says so."""
    other = tmp_path / "openapi.yaml"
    other.write_text("<html>Not found</html>")
    with pytest.raises(SystemExit, match="not an OpenAPI document"):
        vendor_diff.main(str(other))
