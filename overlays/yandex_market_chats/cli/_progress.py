"""The progress of `send-many`: a bar on a terminal, or a line every 30 seconds elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec

from yandex_market_chats.bulk import Progress

from ._output import echo

HOURLY_LIMIT = 1000
"""Messages that the API accepts per hour, until a response says otherwise."""
INTERVAL = 30.0
"""Seconds between two lines where there is no terminal."""


@contextmanager
def display(*, enabled: bool) -> Iterator[Callable[[Progress], None] | None]:
    """Show progress on standard error while the block lasts: pass the yielded function to `Journal.send`."""
    if not enabled or sys.stderr is None:
        yield None
    elif not sys.stderr.isatty() or find_spec("rich") is None:
        yield Lines()
    else:
        with _bar() as update:
            yield update


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    # The extra `sandbox` has click, but not rich, and its command must work too.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, TextColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415

    # The default column would cut off what does not fit on the line.
    text_column = TextColumn("{task.description}", markup=False, table_column=Column())
    bar = Bar(BarColumn(bar_width=20), text_column, console=Console(stderr=True))
    task = bar.add_task("", total=None)
    pace = Pace()

    def update(progress: Progress) -> None:
        text = describe(progress, pace.update(progress), datetime.now(UTC))
        bar.update(task, description=text, completed=progress.done, total=progress.total)

    bar.start()
    try:
        yield update
    finally:
        with suppress(OSError):  # the terminal may be gone: the run and its report matter more
            bar.stop()


class Lines:
    """Prints a line every 30 seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pace = Pace(clock)
        self._due = clock() + INTERVAL

    def __call__(self, progress: Progress) -> None:
        """Print a line if one is due."""
        rate = self._pace.update(progress)
        if self._clock() >= self._due:
            self._due += INTERVAL
            echo(describe(progress, rate, datetime.now(UTC)), err=True)


class Pace:
    """How many rows a run finishes per second, not counting the time when it waits for the next hour."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last, self._active = clock(), 0.0
        self._waiting = False
        self._first: int | None = None

    def update(self, progress: Progress) -> float | None:
        """Return the rate; `None` until it is known."""
        now = self._clock()
        if not self._waiting:
            self._active += now - self._last
        self._last, self._waiting = now, progress.paused_until is not None and not progress.sending
        if self._first is None:
            self._first = progress.done
        finished = progress.done - self._first
        return finished / self._active if finished and self._active else None


def describe(progress: Progress, rate: float | None, now: datetime) -> str:
    """Return how far a run has got and, if the rate is known, when it will be done."""
    parts = [f"{progress.done:,} of {progress.total:,}", f"{progress.sent:,} sent"]
    parts += [f"{progress.refused:,} refused"] if progress.refused else []
    parts += [f"{progress.unknown:,} unknown"] if progress.unknown else []
    if progress.stopping:
        return ", ".join([*parts, f"stopping, {progress.sending} in flight"])
    end = expected_end(progress, rate, now)
    done = f"done about {_local(end, now)}" if end and progress.done < progress.total else None
    if progress.paused_until:
        pause = f"hour used up, resumes at {_local(progress.paused_until, now)}"
        return ", ".join([*parts, "; ".join(filter(None, [pause, done]))])
    return ", ".join(filter(None, [*parts, f"{rate:.1f}/s" if rate else None, done]))


def expected_end(progress: Progress, rate: float | None, now: datetime) -> datetime | None:
    """Return when a run will be done, with the waits for the hourly limit; `None` if the rate is unknown."""
    if not rate:
        return None
    left = progress.waiting + progress.sending
    limit = progress.rate_limit
    if limit and limit.until and limit.remaining is not None and now < limit.until and limit.remaining < left:
        hours, last = divmod(left - limit.remaining - 1, limit.limit or HOURLY_LIMIT)
        return limit.until + timedelta(hours=hours, seconds=(last + 1) / rate)
    return now + timedelta(seconds=left / rate)


def _local(moment: datetime, now: datetime) -> str:
    """Return the time of day, with the date unless it is today."""
    moment, now = moment.astimezone(), now.astimezone()
    return f"{moment:%H:%M}" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M}"
