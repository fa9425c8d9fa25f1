"""Quiet hours: when the owner of the machine wants it left alone, by the clock on the wall.

    span  := [days " "] HH:MM "-" HH:MM         08:00-18:00, Mon-Fri 08:00-18:00, Sat 22:00-07:00
    days  := DAY ["-" DAY]                      Mon Tue Wed Thu Fri Sat Sun; none means every day

A span that ends before it starts goes on past midnight and belongs to the day on which it starts; 24:00 is
the end of a day, and equal ends mean the whole day. Whether it is quiet is asked of the local date and time
of each moment and never computed ahead, so a change to or from summer time needs no special case: what the
clock on the wall skips cannot be quiet, and what it shows twice is quiet twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from leaderboard.errors import LocalError

__all__ = ["Quiet"]

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SPAN: Final = re.compile(
    r"(?:(?P<first>[A-Z][a-z]{2})(?:-(?P<last>[A-Z][a-z]{2}))? )?"
    r"(?P<h1>\d\d):(?P<m1>\d\d)-(?P<h2>\d\d):(?P<m2>\d\d)",
    re.ASCII,
)
_DAY: Final = 24 * 60  # minutes


@dataclass(frozen=True, slots=True)
class Quiet:
    """One span of the week; minutes count from midnight."""

    days: frozenset[int]
    """0 is Monday, as `datetime.weekday` counts."""
    start: int
    end: int
    text: str

    @classmethod
    def read(cls, text: str) -> Quiet:
        """A span as above; LocalError says what is wrong with it."""
        found = _SPAN.fullmatch(text.strip())
        if found is None:
            raise LocalError(f"{text[:40]!r} is no span like 08:00-18:00 or Mon-Fri 08:00-18:00")
        start, end = _minutes(found["h1"], found["m1"]), _minutes(found["h2"], found["m2"])
        return cls(_days(found["first"], found["last"]), start % _DAY, end, text.strip())

    def covers(self, local: datetime) -> bool:
        """Whether it is quiet at this date and time of the place."""
        today, now = local.weekday(), local.hour * 60 + local.minute
        if self.start < self.end:
            return today in self.days and self.start <= now < self.end
        yesterday = (today - 1) % 7
        return (today in self.days and now >= self.start) or (yesterday in self.days and now < self.end)

    @staticmethod
    def found(spans: Iterable[Quiet], local: datetime) -> Quiet | None:
        """The first span that covers the moment."""
        return next((span for span in spans if span.covers(local)), None)


def _minutes(hours: str, minutes: str) -> int:
    found = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or found > _DAY:
        raise LocalError(f"{hours}:{minutes} is no time of day")
    return found


def _days(first: str | None, last: str | None) -> frozenset[int]:
    if first is None:
        return frozenset(range(7))
    for day in (first, last or first):
        if day not in _DAYS:
            raise LocalError(f"{day!r} is no day; days are {' '.join(_DAYS)}")
    start, end = _DAYS.index(first), _DAYS.index(last or first)
    return frozenset((start + n) % 7 for n in range((end - start) % 7 + 1))
