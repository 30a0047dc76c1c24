"""Carries out calls of several steps, in threads and in tasks, so that only the waiting is written twice.

The steps are a generator that does no I/O. It yields requests to send and seconds to wait, receives the
responses or errors, and returns the result of the call.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import anyio
import httpx

from ._errors import SENTENCES, Delivery

R = TypeVar("R")
Steps = Generator[httpx.Request | float, Any, R]


def run(steps: Steps[R], http: httpx.Client) -> R:
    """Carry out the steps in a thread."""
    try:
        step = next(steps)
        while True:
            response = None
            try:
                if isinstance(step, httpx.Request):
                    response = http.send(step)
                else:
                    time.sleep(step)
            except BaseException as error:  # noqa: BLE001 -- the steps decide
                step = steps.throw(error)
            else:
                step = steps.send(response)
    except StopIteration as end:
        result: R = end.value
        return result


async def arun(steps: Steps[R], http: httpx.AsyncClient) -> R:
    """Carry out the steps in a task."""
    try:
        step = next(steps)
        while True:
            response = None
            try:
                if isinstance(step, httpx.Request):
                    response = await http.send(step)
                else:
                    await anyio.sleep(step)
            except BaseException as error:  # noqa: BLE001 -- the steps decide
                step = steps.throw(error)
            else:
                step = steps.send(response)
    except StopIteration as end:
        result: R = end.value
        return result


@contextmanager
def noted(delivery: Delivery) -> Iterator[None]:
    """Add the delivery, as a note, to an exception that is not ours and so has no `delivery`."""
    try:
        yield
    except BaseException as error:
        error.add_note(SENTENCES[delivery])
        raise
