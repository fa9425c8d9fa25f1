"""Hard limits on what language models may cost in a day.

Before a request its worst case is reserved: every byte of the prompt could be a token, and the model could
use all tokens it is allowed. If that does not fit, the request is refused; so a limit is never passed, at
the price of stopping a little early. Afterwards the reservation is settled with what the endpoint reports, or
with the worst case if it reports nothing.

Days are UTC days of the clock that the caller gives. `spent` is plain data which the node stores, so that a
restart does not open the purse again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from .errors import BudgetSpent

__all__ = ["Budget", "Limits", "Price", "Reservation", "Spent"]

_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Price:
    """What an endpoint charges, in dollars for a million tokens; a local model costs nothing."""

    prompt: float = 0.0
    completion: float = 0.0

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Dollars for so many tokens."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


@dataclass(frozen=True, slots=True)
class Limits:
    """Per day; None is no limit."""

    requests: int | None = None
    tokens: int | None = None
    dollars: float | None = None
    seconds: float | None = None
    """Wall time of requests, summed."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a day has cost so far."""

    day: int = 0
    """Days since 1970-01-01 UTC."""
    requests: int = 0
    tokens: int = 0
    dollars: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Reservation:
    """The worst case of one request."""

    day: int
    tokens: int
    dollars: float
    seconds: float


class Budget:
    """Limits and what is left of them."""

    def __init__(self, limits: Limits, clock: Callable[[], float], spent: Spent | None = None) -> None:
        self._limits = limits
        self._clock = clock
        self._spent = spent or Spent()

    @property
    def spent(self) -> Spent:
        """Today's spending, open reservations included."""
        day = int(self._clock() // _DAY_S)
        return self._spent if self._spent.day == day else Spent(day)

    def reserve(self, tokens: int, dollars: float, seconds: float) -> Reservation:
        """Set aside the worst case; BudgetSpent if it does not fit."""
        now, limits = self.spent, self._limits
        wanted = Spent(
            now.day, now.requests + 1, now.tokens + tokens, now.dollars + dollars, now.seconds + seconds
        )
        for name, unit in (("requests", ""), ("tokens", ""), ("dollars", " dollars"), ("seconds", " s")):
            limit, used, want = getattr(limits, name), getattr(now, name), getattr(wanted, name)
            if limit is not None and want > limit:
                raise BudgetSpent(
                    f"today's budget of {limit:g}{unit} ({name}) does not allow another request"
                    f" ({used:g} used); it opens again at midnight UTC, or raise it in the configuration"
                )
        self._spent = wanted
        return Reservation(now.day, tokens, dollars, seconds)

    def settle(self, reservation: Reservation, tokens: int, dollars: float, seconds: float) -> None:
        """Replace a reservation by what the request has cost."""
        now = self.spent
        if now.day != reservation.day:  # midnight has passed: yesterday's reservation is gone with its day
            self._spent = replace(now, tokens=now.tokens + tokens, dollars=now.dollars + dollars)
            return
        self._spent = replace(
            now,
            tokens=now.tokens - reservation.tokens + tokens,
            dollars=max(0.0, now.dollars - reservation.dollars + dollars),
            seconds=max(0.0, now.seconds - reservation.seconds + seconds),
        )
