"""What the result of a call means for its row and for the run. Nothing here does I/O."""

from datetime import datetime, timedelta
from typing import NamedTuple

from yandex_market_chats._errors import (
    METHOD_FAILURE,
    SENT,
    SENTENCES,
    AnswerError,
    AuthenticationError,
    ConfigurationError,
    Delivery,
    LockedError,
    MarketError,
    PermissionDeniedError,
    RateLimitError,
)
from yandex_market_chats._limits import RateLimit, seconds_until
from yandex_market_chats._operations import SentMessage

from ._rows import State

_FATAL = (AuthenticationError, ConfigurationError, LockedError, PermissionDeniedError)
"""Errors that are not due to the row: the next row would fail in the same way."""
_STATES = {
    SENT: State.SENT,
    SENTENCES[Delivery.NOT_SENT]: State.WAITING,
    SENTENCES[Delivery.UNKNOWN]: State.UNKNOWN,
}
"""What the note on an exception that is not ours says about the row."""


class Outcome(NamedTuple):
    """What follows from the result of a call.

    Attributes:
        state: The new state of the row.
        attempts: How many attempts were made.
        error: The text of the error, if there was one.
        message_id: The id of the message, if the chat history was read.
        rate_limit: The state of the hourly limit.
        held: Whether nothing but the hourly limit kept the message from being sent.
        fatal: Whether the run must stop at once.
    """

    state: State
    attempts: int = 0
    error: str | None = None
    message_id: int | None = None
    rate_limit: RateLimit | None = None
    held: bool = False
    fatal: bool = False


def judge(result: SentMessage | BaseException, now: datetime) -> Outcome:
    """Return what follows from the result of `send_message`, or from the exception that it raised."""
    if isinstance(result, SentMessage):
        return Outcome(
            State.SENT, result.attempts, message_id=result.message_id, rate_limit=result.rate_limit
        )
    if isinstance(result, MarketError):
        return _judge_error(result, now)
    notes = _STATES.keys() & getattr(result, "__notes__", ())
    # An exception object that several calls raised has the notes of all of them.
    note = notes.pop() if len(notes) == 1 else SENTENCES[Delivery.UNKNOWN]
    return Outcome(_STATES[note], error=f"{type(result).__name__}: {note}", fatal=True)


def _judge_error(error: MarketError, now: datetime) -> Outcome:
    limit = error.rate_limit if isinstance(error, AnswerError) else None
    until = None
    if error.delivery is Delivery.UNKNOWN:
        state = State.UNKNOWN
    elif error.permanent:
        state = State.REFUSED
    else:
        state, until = State.WAITING, _held_until(error, now)
    if until is not None:
        limit = RateLimit(limit.limit if limit else None, 0, until)
    return Outcome(
        state,
        error.attempts,
        " ".join((str(error), *getattr(error, "__notes__", ()))),
        rate_limit=limit,
        held=until is not None,
        fatal=isinstance(error, _FATAL),
    )


def _held_until(error: MarketError, now: datetime) -> datetime | None:
    """Return when the hour ends by the local clock, if nothing but the hourly limit refused the request."""
    if not isinstance(error, RateLimitError) or error.rate_limit is None:
        return None
    if error.status_code != METHOD_FAILURE and error.rate_limit.remaining:
        return None  # 429 may only mean that requests came too fast
    seconds = seconds_until(error.until, error.headers, now) or 0.0
    return now + timedelta(seconds=seconds) if seconds > 0 else None
