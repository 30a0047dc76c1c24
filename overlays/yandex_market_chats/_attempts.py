"""What is told of every attempt: to the log, and to the hook `on_attempt`."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from yandex_market_chats._errors import Delivery
from yandex_market_chats._limits import RateLimit

logger = logging.getLogger("yandex_market_chats")
logger.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of a call: enough for metrics and tracing, and nothing secret.

    Attributes:
        number: Which attempt of its call it was, from 1.
        method: The HTTP method.
        path: The path of the URL, without the query, which names the chat.
        elapsed: Seconds from the attempt's beginning to the end of its answer.
        status_code: The answer's status; `None` when there was no answer.
        rate_limit: What the answer's headers said of the hourly limit.
        error: The name of the error's class; `None` when the request was carried out.
        delivery: What became of the message; `None` when it was sent.
        wait: Seconds until the next attempt; `None` when this was the last.
    """

    number: int
    method: str
    path: str
    elapsed: float
    status_code: int | None
    rate_limit: RateLimit | None
    error: str | None
    delivery: Delivery | None
    wait: float | None

    def __str__(self) -> str:
        """Tell of it in a line."""
        return (
            f"{self.method} {self.path}: attempt {self.number} in {self.elapsed:.3f} s:"
            f" status {self.status_code}, {self.error or 'sent'}"
        )


def log_attempt(attempt: Attempt) -> None:
    """Write a line for an attempt, and a louder one when it will be repeated."""
    logger.debug("%s, wait %s", attempt, attempt.wait)
    if attempt.wait is not None:
        logger.warning("%s; again in %.3f s", attempt, attempt.wait)


@contextmanager
def hook_cannot_fail() -> Iterator[None]:
    """Log what the hook raises, and go on: a message matters more than what is told of it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 -- whatever it is
        logger.error("on_attempt raised %s", type(error).__name__)  # noqa: TRY400 -- it could tell secrets
