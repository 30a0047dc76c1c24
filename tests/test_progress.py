"""The progress of `send-many`: what it says, how it expects the end, and where it is shown."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from terminal import Terminal
from yandex_market_chats import RateLimit
from yandex_market_chats.bulk import Progress
from yandex_market_chats.cli import _progress

NOW = datetime.now(UTC).astimezone().replace(hour=10, minute=40, second=0, microsecond=0)
"""A local time, so that the hours around it are of one day in any time zone."""
NEXT = NOW + timedelta(minutes=20)
"""When the next hour starts."""


def progress(**changes: Any) -> Progress:
    """Return the progress of a run of 5,000 rows, 1,000 of which are done."""
    values: dict[str, Any] = {
        "waiting": 3996,
        "sending": 4,
        "sent": 980,
        "refused": 12,
        "unknown": 8,
        "rate_limit": None,
        "paused_until": None,
        "stopping": False,
    }
    return Progress(**values | changes)


def clock_time(moment: datetime) -> str:
    """Return the local time of day."""
    return f"{moment.astimezone():%H:%M}"


COUNTS = "1,000 of 5,000, 980 sent, 12 refused, 8 unknown"
PAUSED = f"{COUNTS}, hour used up, resumes at {clock_time(NEXT)}"
USED_UP = RateLimit(1000, 0, NEXT)


@pytest.mark.parametrize(
    ("shown", "rate", "text"),
    [
        (progress(), None, COUNTS),
        (progress(), 20.0, f"{COUNTS}, 20.0/s, done about {clock_time(NOW + timedelta(seconds=200))}"),
        (progress(waiting=0, sending=0), 20.0, "1,000 of 1,000, 980 sent, 12 refused, 8 unknown, 20.0/s"),
        (progress(refused=0, unknown=0, sent=0), None, "0 of 4,000, 0 sent"),
        (progress(stopping=True), 20.0, f"{COUNTS}, stopping, 4 in flight"),
        (
            progress(rate_limit=USED_UP, paused_until=NEXT),
            20.0,
            f"{PAUSED}; done about {clock_time(NEXT + timedelta(hours=3, seconds=50))}",
        ),
        (progress(rate_limit=USED_UP, paused_until=NEXT), None, PAUSED),
    ],
)
def test_the_progress_is_described_for_people(shown: Progress, rate: float | None, text: str) -> None:
    """Someone who looks at a run wants to know whether it goes well, and when it ends."""
    assert _progress.describe(shown, rate, NOW) == text


@pytest.mark.parametrize(
    ("limit", "end"),
    [
        (None, NOW + timedelta(seconds=200)),
        (RateLimit(1000, 4000, NEXT), NOW + timedelta(seconds=200)),
        (RateLimit(1000, 0, NOW), NOW + timedelta(seconds=200)),
        (RateLimit(None, None, NEXT), NOW + timedelta(seconds=200)),
        (RateLimit(1000, 3999, NEXT), NEXT + timedelta(seconds=0.05)),
        (RateLimit(1000, 1000, NEXT), NEXT + timedelta(hours=2, seconds=50)),
        (RateLimit(None, 0, NEXT), NEXT + timedelta(hours=3, seconds=50)),
        (RateLimit(500, 0, NEXT), NEXT + timedelta(hours=7, seconds=25)),
    ],
)
def test_the_expected_end_knows_the_hourly_limit(limit: RateLimit | None, end: datetime) -> None:
    """Without the limit, 4,000 rows at 20 per second would seem to take three minutes."""
    assert _progress.expected_end(progress(rate_limit=limit), 20.0, NOW) == end


def test_a_time_of_another_day_has_its_date() -> None:
    """A run of many thousand rows ends tomorrow."""
    text = _progress.describe(progress(waiting=50_000, rate_limit=USED_UP, paused_until=NEXT), 20.0, NOW)
    assert text.endswith(f"; done about {(NEXT + timedelta(hours=50)).astimezone():%Y-%m-%d %H:%M}")


def test_the_rate_does_not_count_the_wait_for_the_hour() -> None:
    """After a pause of 50 minutes the rate would otherwise seem to be near zero."""
    now = 0.0
    pace = _progress.Pace(lambda: now)
    assert pace.update(progress()) is None
    now = 10.0
    assert pace.update(progress(sent=1180, paused_until=NEXT, sending=0)) == 20.0
    now = 3010.0
    assert pace.update(progress(sent=1180)) == 20.0
    now = 3020.0
    assert pace.update(progress(sent=1380)) == 20.0


def test_a_line_is_printed_every_30_seconds_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The log of a timer must neither be flooded nor stay silent for hours."""
    now = 0.0
    lines = _progress.Lines(lambda: now)
    for elapsed in (0.0, 29.0, 30.0, 31.0, 59.0, 60.5, 61.0):
        now = elapsed
        lines(progress())
    assert capsys.readouterr().err == f"{COUNTS}\n" * 2


def test_lines_are_printed_where_no_bar_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar in a log file is unreadable, and the extra `sandbox` alone does not install rich."""
    with _progress.display(enabled=True) as on_progress:
        assert isinstance(on_progress, _progress.Lines)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(_progress, "find_spec", lambda _: None)
    with _progress.display(enabled=True) as on_progress:
        assert isinstance(on_progress, _progress.Lines)


def test_no_progress_is_shown_where_standard_error_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some programs start others without one, and the messages matter more."""
    monkeypatch.setattr(sys, "stderr", None)
    with _progress.display(enabled=True) as on_progress:
        assert on_progress is None


def test_no_progress_shows_nothing() -> None:
    """A script may want nothing but the exit code."""
    with _progress.display(enabled=False) as on_progress:
        assert on_progress is None


def test_a_bar_is_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar is drawn on standard error, so that the output can be piped."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with _progress.display(enabled=True) as on_progress:
        assert on_progress
        on_progress(progress(stopping=True))
    assert "1,000 of 5,000, 980 sent" in terminal.getvalue()
    assert "4 in flight" in terminal.getvalue()  # on a line of its own: nothing is cut at 80 columns


def test_a_terminal_that_is_gone_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is still to be written when the bar fails."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with _progress.display(enabled=True) as on_progress:
        assert on_progress

        def fail(_: str) -> int:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(terminal, "write", fail)
