"""Where a token could leak: a marked token is passed to a client, and searched for everywhere else."""

import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from mock_api import (
    SUCCESS,
    Api,
    Body,
    Kind,
    Outcome,
    answer,
    busy,
    closed_url,
    done,
    envelope,
    send,
    use,
)
from yandex_market_chats import (
    ApiKey,
    Attempt,
    ConfigurationError,
    ConnectionFailedError,
    MarketChats,
    MarketError,
    OAuthToken,
)
from yandex_market_chats.sandbox import Sandbox

MARK = "marked"
TOKEN = f"ACMA:{MARK}"
OUTCOMES: dict[str, Callable[[], Outcome]] = {
    "303": partial(answer, 303, Location="/elsewhere"),
    "401": partial(answer, 401),
    "404": partial(answer, 404, envelope("no such chat")),
    "420": partial(answer, 420, X_RateLimit_Resource_Remaining="0"),
    "500": partial(answer, 500),
    "503": busy,
    "200 without the envelope": partial(answer, 200, b"{}"),
    "refused": lambda: httpx.ConnectError("refused"),
    "lost": lambda: httpx.ReadTimeout("lost"),
    "body broken off": lambda: httpx.Response(200, stream=Body(SUCCESS[:5], httpx.ReadError("reset"))),
}

# Under trio, the same code of ours runs as under asyncio.
either_client = pytest.mark.parametrize("kind", ["sync", "asyncio"])


class TimeLimitError(BaseException):
    """The exception that a worker raises in the middle of a call, such as Celery's SoftTimeLimitExceeded."""


def links(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error, its causes, and what was being handled when each of them was raised."""
    if error is not None:
        yield error
        yield from links(error.__cause__)
        if error.__context__ is not error.__cause__:
            yield from links(error.__context__)


def shown(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield everything that the error shows to people and to error trackers, each with its location."""
    yield "traceback", "".join(traceback.format_exception(error))
    if isinstance(error, MarketError):
        yield "pickle", pickle.dumps(error).decode("latin-1")
    for link in links(error):
        yield "text", f"{link} {link!r} {vars(link)}"
        request = getattr(link, "_request", None)
        if isinstance(request, httpx.Request):
            yield "request", f"{request.headers.raw} {request.url} {request.extensions}"
        for frame, _line in traceback.walk_tb(link.__traceback__):
            if frame.f_globals["__name__"].startswith("yandex_market_chats"):
                for name, value in frame.f_locals.items():
                    yield f"{name} in {frame.f_code.co_qualname}", repr(value)


def leaks(error: BaseException) -> list[str]:
    """Return the locations where the error shows the token."""
    return [location for location, text in shown(error) if MARK in text]


def raised(action: Callable[[], object], expected: type[BaseException] = MarketError) -> BaseException:
    """Return the exception that the action raises."""
    with pytest.raises(expected) as caught:
        action()
    return caught.value


def records(log: pytest.LogCaptureFixture, name: str = "") -> str:
    """Return everything that the records of a logger contain."""
    return repr([vars(record) for record in log.records if record.name.startswith(name)])


def test_the_search_finds_a_token() -> None:
    """A search that finds nothing must be able to find a token, wherever it may be."""
    request = httpx.Request("POST", "https://api.example.test", headers={"Api-Key": TOKEN})
    error = MarketError(f"A text with {TOKEN}.")
    error.__cause__ = httpx.ReadError("lost", request=request)
    assert {"text", "traceback", "pickle", "request"} <= {*leaks(error)}
    local = raised(lambda: send("sync", Api(), message=MARK * 999))
    assert any(location.startswith("message in ") for location in leaks(local))


@either_client
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_no_error_shows_the_token(kind: Kind, outcome: str, caplog: pytest.LogCaptureFixture) -> None:
    """People and error trackers see texts, causes, local variables, the log and the reported attempts."""
    caplog.set_level(logging.DEBUG)
    reported: list[Attempt] = []

    def on_attempt(attempt: Attempt) -> Any:
        reported.append(attempt)

    api = Api(busy(), *(OUTCOMES[outcome]() for _ in range(9)))
    error = raised(lambda: send(kind, api, auth=ApiKey(TOKEN), on_attempt=on_attempt))
    assert MARK in str(api.requests[-1].headers.raw)
    assert leaks(error) == []
    assert len(reported) == len(api.requests) > 1
    assert MARK not in repr(reported)
    assert "attempt 1" in caplog.text
    assert MARK not in records(caplog)


@pytest.mark.parametrize("credentials", [ApiKey, OAuthToken])
@pytest.mark.parametrize("token", [TOKEN, lambda: TOKEN], ids=["string", "callable"])
def test_no_kind_of_credentials_shows_its_token(credentials: Callable[[Any], Any], token: Any) -> None:
    """A rejected token is compared with the current one, and no local variable may hold either."""
    assert leaks(raised(lambda: send("sync", Api(answer(401)), auth=credentials(token)))) == []


@either_client
@pytest.mark.parametrize("interrupted", [False, True], ids=["sent", "interrupted"])
def test_the_request_has_no_token_after_the_call(kind: Kind, *, interrupted: bool) -> None:
    """Instrumentation and exceptions keep the request, and show its headers."""
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        assert MARK in str(request.headers.raw)
        requests.append(request)
        if interrupted:
            raise TimeLimitError
        return answer()

    action = partial(send, kind, handler, auth=OAuthToken(TOKEN))
    if interrupted:
        assert leaks(raised(action, TimeLimitError)) == []
    else:
        action()
    assert len(requests) == 1
    assert MARK not in str(requests[0].headers.raw)


@either_client
@pytest.mark.parametrize("attempts", [0, 1], ids=["before the first attempt", "after a 401"])
def test_an_interrupted_token_callable_shows_no_token(kind: Kind, attempts: int) -> None:
    """An interrupt can arrive while a rejected token is compared with the current one."""
    api = Api(answer(401))

    def interrupted() -> str:
        if len(api.requests) == attempts:
            raise KeyboardInterrupt
        return TOKEN

    assert leaks(raised(lambda: send(kind, api, auth=ApiKey(interrupted)), KeyboardInterrupt)) == []


@either_client
def test_an_interrupted_wait_shows_no_token(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two attempts the request carries the token, but no frame of ours shows it."""

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    monkeypatch.setattr("anyio.sleep", interrupt)
    action = partial(send, kind, Api(busy(Retry_After="5")), auth=ApiKey(TOKEN))
    assert leaks(raised(action, KeyboardInterrupt)) == []


@either_client
def test_the_log_of_a_failed_hook_shows_no_token(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    """An error tracker records the frames of a logged exception, with their local variables."""

    def on_attempt(_attempt: Attempt) -> Any:
        raise LookupError

    send(kind, Api(answer()), auth=ApiKey(TOKEN), on_attempt=on_attempt)
    errors = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert [type(error) for error in errors] == [LookupError]
    assert [leaks(error) for error in errors if error] == [[]]


@either_client
def test_a_refused_connection_shows_no_token(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    """The log and the exceptions of httpcore contain the request too."""
    caplog.set_level(logging.DEBUG)
    error = raised(lambda: send(kind, Api(), auth=ApiKey(TOKEN), base_url=closed_url(), transport=None))
    assert type(error) is ConnectionFailedError
    assert leaks(error) == []
    assert "httpcore.connection" in {record.name for record in caplog.records}
    assert MARK not in records(caplog)


@either_client
def test_the_log_of_a_sent_message_shows_no_token(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG, the log of httpx and httpcore has no token, and ours has neither the text nor the chat."""
    caplog.set_level(logging.DEBUG)
    with Sandbox(business_id=123456, token=TOKEN) as sandbox:
        network = {"auth": ApiKey(TOKEN), "base_url": sandbox.base_url, "transport": None}
        send(kind, Api(), message="confidential", chat_id=77701, **network)
        assert [message.text for message in sandbox.messages] == ["confidential"]
    assert MARK not in records(caplog)
    ours = records(caplog, "yandex_market_chats")
    assert "attempt 1" in ours
    assert "confidential" not in ours
    assert "77701" not in ours


@pytest.mark.parametrize("outcome", ["404", "lost"])
def test_our_log_contains_neither_the_text_nor_the_chat(
    outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Retries and errors reveal no more about the buyer than successes do."""
    caplog.set_level(logging.DEBUG, "yandex_market_chats")
    api = Api(busy(), *(OUTCOMES[outcome]() for _ in range(9)))
    raised(lambda: send("sync", api, message="confidential", chat_id=77701))
    ours = records(caplog, "yandex_market_chats")
    assert "attempt 2" in ours
    assert "confidential" not in ours
    assert "77701" not in ours


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(lambda: ApiKey(f"{TOKEN}\n"), id="line break"),
        pytest.param(lambda: OAuthToken(f"Bearer {TOKEN}"), id="prefix"),
        pytest.param(lambda: ApiKey(f"{TOKEN}ж"), id="not ASCII"),
        pytest.param(lambda: ApiKey(TOKEN.encode()), id="bytes"),  # type: ignore[arg-type]
        pytest.param(lambda: MarketChats(business_id=1, auth=TOKEN), id="bare string"),  # type: ignore[arg-type]
        pytest.param(lambda: MarketChats(business_id=1), id="environment"),
        pytest.param(
            lambda: MarketChats(business_id=1, auth=ApiKey(TOKEN), max_parallel=0), id="another setting"
        ),
        pytest.param(lambda: send("sync", Api(), auth=ApiKey(lambda: f"{TOKEN}\n")), id="callable"),
        pytest.param(lambda: send("asyncio", Api(), auth=ApiKey(lambda: f"{TOKEN}\n")), id="callable, async"),
        pytest.param(lambda: send("sync", Api(), auth=ApiKey(TOKEN), message=""), id="argument"),
    ],
)
def test_no_mistake_shows_the_token(mistake: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """The error does not quote an invalid or misplaced token, and no local variable holds it."""
    monkeypatch.setenv("YANDEX_MARKET_API_KEY", f"{TOKEN}\n")
    assert leaks(raised(mistake)) == []


@pytest.mark.parametrize("proxy", [f"http://anna:{MARK}#@127.0.0.1:1", f"socks5://anna:{MARK}@127.0.0.1:1"])
def test_an_invalid_proxy_shows_no_password(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password of a proxy is as secret as a token."""
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    error = raised(lambda: MarketChats(business_id=1, auth=ApiKey("token")), ConfigurationError)
    assert leaks(error) == []


@either_client
def test_no_object_shows_the_token(kind: Kind) -> None:
    """Clients, views, credentials and what they consist of can be printed, before and after a call."""
    auth = ApiKey(TOKEN)

    def texts(chats: Any) -> str:
        view = chats.with_options(timeout=1)
        parts = (auth, chats, view, chats.client)
        inner = (chats, view, chats._http, chats._transport)
        return " ".join([*(f"{part!r} {part}" for part in parts), *(repr(vars(part)) for part in inner)])

    async def action(chats: Any) -> str:
        before = texts(chats)
        await done(chats.send_message(chat_id=1, message="text"))
        return before + texts(chats)

    assert MARK not in use(kind, action, Api(answer()), auth=auth)
