"""Where a token could leak: a marked one goes everywhere it may go, and is looked for everywhere else."""

import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from mock_api import SUCCESS, Api, Body, Kind, Outcome, answer, closed_url, envelope, every_client, send, use
from yandex_market_chats import (
    ApiKey,
    Attempt,
    ConnectionFailedError,
    MarketChats,
    MarketError,
    OAuthToken,
)
from yandex_market_chats.sandbox import Sandbox

MARK = "marked"
TOKEN = f"ACMA:{MARK}"
CREDENTIALS = [ApiKey(TOKEN), OAuthToken(TOKEN), ApiKey(lambda: TOKEN), OAuthToken(lambda: TOKEN)]


def unreadable(line: str) -> httpx.RemoteProtocolError:
    """Give what httpx raises at a line that is no header: it quotes the line, as do its causes."""
    parser_s = ValueError(line, 400)
    httpcore_s = OSError(parser_s)
    httpcore_s.__context__ = parser_s
    error = httpx.RemoteProtocolError(f"illegal header line: {line!r}")
    error.__cause__ = httpcore_s
    return error


OUTCOMES: dict[str, Callable[[], Outcome]] = {
    **{
        str(status): partial(answer, status, b"{}")
        for status in (200, 302, 400, 401, 403, 404, 418, 420, 423, 429, 500, 503)
    },
    "quoted": lambda: answer(401, envelope(f"The token {TOKEN} is revoked")),
    "quoted in a header": lambda: answer(401, X_Echo=f"Api-Key: {TOKEN}"),
    "quoted, broken off": lambda: httpx.Response(403, stream=Body(TOKEN.encode(), httpx.ReadError("reset"))),
    "quoted in what is no HTTP": lambda: unreadable(f"Api Key {TOKEN}"),
    "refused": lambda: httpx.ConnectError("refused"),
    "lost": lambda: httpx.ReadTimeout("lost"),
    "broken off": lambda: httpx.Response(200, stream=Body(SUCCESS[:5], httpx.ReadError("reset"))),
}


def links(error: BaseException | None) -> Iterator[BaseException]:
    """Give the error, its causes, and what was being handled when each of them was raised."""
    if error is not None:
        yield error
        yield from links(error.__cause__)
        if error.__context__ is not error.__cause__:
            yield from links(error.__context__)


def shown(error: BaseException) -> Iterator[tuple[str, str]]:
    """Give all that the error shows, to people and to error trackers, each with its place."""
    yield "traceback", "".join(traceback.format_exception(error))
    yield "pickle", pickle.dumps(error).decode("latin-1")
    for link in links(error):
        yield "words", f"{link} {link!r} {vars(link)}"
        if isinstance(link, httpx.RequestError):
            yield "request", f"{link.request.headers.raw} {link.request.url} {link.request.extensions}"
        for frame, _line in traceback.walk_tb(link.__traceback__):
            if frame.f_globals["__name__"].startswith("yandex_market_chats"):
                for name, value in frame.f_locals.items():
                    yield f"{name} in {frame.f_code.co_qualname}", repr(value)


def leaks(error: BaseException) -> list[str]:
    """Name the places where the error shows the token."""
    return [place for place, text in shown(error) if MARK in text]


def raised(action: Callable[[], object]) -> MarketError:
    """Give the error that the action raises."""
    with pytest.raises(MarketError) as caught:
        action()
    return caught.value


def test_the_search_finds_a_token() -> None:
    """A token in the words, in a cause's request and in a local of ours would be seen."""
    request = httpx.Request("POST", "https://api.example.test", headers={"Api-Key": TOKEN})
    cause = httpx.ReadError("lost", request=request)
    error = MarketError(f"Words with {TOKEN}.")
    error.__cause__ = cause
    assert {"words", "traceback", "pickle", "request"} <= {*leaks(error)}
    local = raised(lambda: send("sync", Api(), message=MARK * 999))
    assert any(place.startswith("message in ") for place in leaks(local))


@every_client
@pytest.mark.parametrize(
    "auth", CREDENTIALS, ids=["key", "oauth", "key of a callable", "oauth of a callable"]
)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_no_error_shows_the_token(
    kind: Kind, outcome: str, auth: ApiKey | OAuthToken, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor do the causes, the log, or what the hook is told, after whatever attempts."""
    caplog.set_level(logging.DEBUG)
    told: list[Attempt] = []
    api = Api(answer(503), *(OUTCOMES[outcome]() for _ in range(4)))
    error = raised(lambda: send(kind, api, auth=auth, on_attempt=told.append))
    assert MARK in str(api.requests[-1].headers.raw)
    assert leaks(error) == []
    assert len(told) == len(api.requests) > 1
    assert MARK not in repr(told)
    assert caplog.records
    assert MARK not in repr([vars(record) for record in caplog.records])


@every_client
def test_a_reason_phrase_that_quotes_the_token_is_not_shown(kind: Kind) -> None:
    """It stands in the `repr` of the answer, which is no local of ours."""
    quoting = httpx.Response(401, stream=Body(b""), extensions={"reason_phrase": TOKEN.encode()})
    assert leaks(raised(lambda: send(kind, Api(quoting), auth=ApiKey(TOKEN)))) == []


@every_client
def test_an_interrupt_shows_no_token(kind: Kind) -> None:
    """It can come while a 401 is compared with the token of now."""

    def interrupted() -> str:
        if api.requests:
            raise KeyboardInterrupt
        return TOKEN

    api = Api(answer(401))
    with pytest.raises(KeyboardInterrupt) as caught:
        send(kind, api, auth=ApiKey(interrupted))
    assert leaks(caught.value) == []


@every_client
def test_a_refused_connection_shows_no_token(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    """The same over a real socket, where the transport logs and raises too."""
    caplog.set_level(logging.DEBUG)
    error = raised(lambda: send(kind, Api(), auth=ApiKey(TOKEN), base_url=closed_url(), transport=None))
    assert type(error) is ConnectionFailedError
    assert leaks(error) == []
    assert "httpcore.connection" in {record.name for record in caplog.records}
    assert MARK not in repr([vars(record) for record in caplog.records])


@every_client
def test_the_log_of_a_sent_message_shows_no_token(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    """Not even at DEBUG, nor in the loggers of httpx; and ours names neither the text nor the chat."""
    caplog.set_level(logging.DEBUG)
    with Sandbox(business_id=123456, token=TOKEN) as sandbox:
        real = {"auth": ApiKey(TOKEN), "base_url": sandbox.base_url, "transport": None}
        send(kind, Api(), message="confidential", chat_id=77701, **real)
        assert [message.text for message in sandbox.messages] == ["confidential"]
    assert MARK not in repr([vars(record) for record in caplog.records])
    ours = [vars(record) for record in caplog.records if record.name == "yandex_market_chats"]
    assert len(ours) == 1
    assert "confidential" not in repr(ours)
    assert "77701" not in repr(ours)


@pytest.mark.parametrize("outcome", ["503", "404", "lost"])
def test_our_log_names_neither_the_text_nor_the_chat(outcome: str, caplog: pytest.LogCaptureFixture) -> None:
    """Repeats and errors tell no more of the buyer than successes do."""
    caplog.set_level(logging.DEBUG, "yandex_market_chats")
    api = Api(answer(503), *(OUTCOMES[outcome]() for _ in range(4)))
    raised(lambda: send("sync", api, message="confidential", chat_id=77701))
    ours = repr([vars(record) for record in caplog.records if record.name == "yandex_market_chats"])
    assert "attempt 1" in ours
    assert "confidential" not in ours
    assert "77701" not in ours


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(lambda: ApiKey(f"{TOKEN}\n"), id="line break"),
        pytest.param(lambda: OAuthToken(f"Bearer {TOKEN}"), id="prefix"),
        pytest.param(lambda: ApiKey(f"{TOKEN}ж"), id="not ASCII"),
        pytest.param(lambda: MarketChats(business_id=1, auth=TOKEN), id="bare string"),  # type: ignore[arg-type]
        pytest.param(lambda: MarketChats(business_id=1), id="environment"),
        pytest.param(
            lambda: MarketChats(business_id=1, auth=ApiKey(TOKEN), max_parallel=0), id="other setting"
        ),
        pytest.param(lambda: send("sync", Api(), auth=ApiKey(lambda: f"{TOKEN}\n")), id="callable"),
        pytest.param(lambda: send("trio", Api(), auth=ApiKey(lambda: f"{TOKEN}\n")), id="callable, async"),
        pytest.param(lambda: send("sync", Api(), auth=ApiKey(TOKEN), message=""), id="argument"),
    ],
)
def test_no_mistake_shows_the_token(mistake: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that is refused, or given in the wrong place, is not repeated in what says so."""
    monkeypatch.setenv("YANDEX_MARKET_API_KEY", f"{TOKEN}\n")
    assert leaks(raised(mistake)) == []


@every_client
@pytest.mark.parametrize(
    "auth", CREDENTIALS, ids=["key", "oauth", "key of a callable", "oauth of a callable"]
)
def test_no_object_shows_the_token(kind: Kind, auth: ApiKey | OAuthToken) -> None:
    """Neither the clients, views and credentials nor what they are made of, before and after a call."""

    def texts(chats: Any) -> str:
        view = chats.with_options(timeout=1)
        parts = (chats, view, chats.client, view.client, chats._http, chats._http.settings, auth)
        return " ".join(f"{part!r} {part}" for part in parts) + repr(
            [vars(chats), vars(view), vars(chats._http)]
        )

    shown_before: list[str] = []

    def action(chats: Any) -> Any:
        shown_before.append(texts(chats))
        return chats.send_message(chat_id=1, message="text")

    use(kind, action, Api(answer()), auth=auth)
    shown_after = use(kind, texts, Api(), auth=auth)
    assert MARK not in shown_before[0] + shown_after
