"""When a summary is due, told by a clock."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.summaries.schedule import DAYS, Every, is_due, last_due_ms

HOUR_MS = 3_600_000
TIMES = st.integers(0, 4_000_000_000_000)


def ms(text: str) -> int:
    return int(dt.datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)


@pytest.mark.parametrize(
    ("every", "hour", "now", "expected"),
    [
        ("day", 6, "2026-03-04T06:00", "2026-03-04T06:00"),
        ("day", 6, "2026-03-04T05:59", "2026-03-03T06:00"),
        ("day", 0, "2026-01-01T00:00", "2026-01-01T00:00"),
        ("week", 6, "2026-03-04T12:00", "2026-03-02T06:00"),  # a Wednesday; Monday was the second
        ("week", 6, "2026-03-02T06:00", "2026-03-02T06:00"),
        ("week", 6, "2026-03-02T05:59", "2026-02-23T06:00"),
        ("week", 23, "2026-03-01T23:30", "2026-02-23T23:00"),
    ],
)
def test_the_hour_of_the_day_or_of_monday(every: Every, hour: int, now: str, expected: str) -> None:
    assert last_due_ms(every, hour, ms(now)) == ms(expected)


@given(st.sampled_from(list(DAYS)), st.integers(0, 23), TIMES)
def test_it_was_due_within_the_last_period(every: Every, hour: int, now_ms: int) -> None:
    due_ms = last_due_ms(every, hour, now_ms)
    assert now_ms - DAYS[every] * 24 * HOUR_MS < due_ms <= now_ms
    assert last_due_ms(every, hour, due_ms) == due_ms


@given(st.sampled_from(list(DAYS)), st.integers(0, 23), TIMES, st.integers(1, 30))
def test_what_was_missed_is_sent_once(every: Every, hour: int, last_ms: int, days: int) -> None:
    now_ms = last_ms + days * 24 * HOUR_MS
    assert is_due(every, hour, last_ms, now_ms) or days < DAYS[every]
    assert not is_due(every, hour, now_ms, now_ms)


@given(st.sampled_from(list(DAYS)), st.integers(0, 23), TIMES)
def test_in_each_period_there_is_one(every: Every, hour: int, start_ms: int) -> None:
    last_ms, sent = start_ms, 0
    for now_ms in range(start_ms, start_ms + 4 * DAYS[every] * 24 * HOUR_MS + 1, HOUR_MS):
        if is_due(every, hour, last_ms, now_ms):
            last_ms, sent = now_ms, sent + 1
    assert sent == 4
