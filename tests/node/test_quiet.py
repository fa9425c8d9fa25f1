"""Quiet hours by the clock on the wall, also where the clock is changed."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.errors import LocalError
from node.quiet import Quiet

MONDAY = datetime(2026, 11, 16)


def at(day: int, clock: str) -> datetime:
    hours, minutes = map(int, clock.split(":"))
    return MONDAY + timedelta(days=day, hours=hours, minutes=minutes)


@pytest.mark.parametrize(
    ("span", "quiet", "awake"),
    [
        ("08:00-18:00", [(0, "08:00"), (6, "17:59")], [(0, "07:59"), (0, "18:00")]),
        ("22:00-07:00", [(2, "22:00"), (3, "00:00"), (3, "06:59")], [(2, "21:59"), (2, "07:00")]),
        ("Mon-Fri 09:00-17:00", [(0, "09:00"), (4, "16:59")], [(5, "12:00"), (6, "12:00")]),
        ("Sat 22:00-07:00", [(5, "23:00"), (6, "06:59")], [(5, "06:00"), (6, "22:00"), (4, "23:00")]),
        ("Fri-Mon 12:00-13:00", [(4, "12:30"), (0, "12:30")], [(1, "12:30"), (3, "12:30")]),
        ("12:00-24:00", [(0, "23:59")], [(0, "11:59"), (0, "00:00")]),
        ("Sun 00:00-00:00", [(6, "00:00"), (6, "23:59")], [(0, "00:00"), (5, "23:59")]),
    ],
)
def test_spans_cover_what_they_say(span, quiet, awake):
    found = Quiet.read(span)
    assert [found.covers(at(*moment)) for moment in quiet] == [True] * len(quiet)
    assert [found.covers(at(*moment)) for moment in awake] == [False] * len(awake)


@pytest.mark.parametrize(
    "text",
    ["", "8-18", "08:00", "25:00-26:00", "08:60-09:00", "24:01-02:00", "Xyz 08:00-09:00", "08:00 - 09:00"],
)
def test_what_is_no_span_is_refused(text):
    with pytest.raises(LocalError):
        Quiet.read(text)


@given(st.text(max_size=30))
def test_garbage_gives_a_local_error_or_a_span(text):
    with suppress(LocalError):
        assert Quiet.read(text).text == text.strip()


def quiet_minutes(span: str, zone: ZoneInfo, start: datetime, hours: int) -> int:
    """Minutes of real time that are quiet, looked at one by one."""
    found = Quiet.read(span)
    moments = (start + timedelta(minutes=n) for n in range(hours * 60))
    return sum(found.covers(moment.astimezone(zone)) for moment in moments)


def test_a_night_is_as_long_as_the_clock_on_the_wall_makes_it():
    """In Berlin the night of 2026-03-29 has one hour less and that of 2026-10-25 one more."""
    zone = ZoneInfo("Europe/Berlin")
    nights = [datetime(2026, 3, 28, 12), datetime(2026, 6, 1, 12), datetime(2026, 10, 24, 12)]
    lengths = [quiet_minutes("22:00-07:00", zone, night.replace(tzinfo=UTC), 24) for night in nights]
    assert lengths == [8 * 60, 9 * 60, 10 * 60]


def test_an_hour_that_the_clock_skips_is_never_and_one_that_it_repeats_is_twice():
    zone = ZoneInfo("Europe/Berlin")
    assert quiet_minutes("02:00-03:00", zone, datetime(2026, 3, 28, 20, tzinfo=UTC), 12) == 0
    assert quiet_minutes("02:00-03:00", zone, datetime(2026, 10, 24, 20, tzinfo=UTC), 12) == 120
