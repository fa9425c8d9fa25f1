"""Hard limits on what language models may cost in a day.

Before a request its worst case is reserved: every byte of the prompt could be a token, and the model could
use all tokens it is allowed. If that does not fit, the request is refused; so a limit is never passed, at
the price of stopping a little early. Afterwards the reservation is settled with what the endpoint reports, or
with the worst case if it reports nothing.

Days are UTC days of the clock that the caller gives. A request belongs to the day on which it was sent: one
that midnight overtakes was paid from the day before. A clock that is set back over midnight does not open a
day again; one that is set back further was wrong before. What was spent lies in a `Purse`: the node's is on
the disk and shared by its processes, so neither a restart nor a second process opens it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from .errors import BudgetSpent

__all__ = ["Budget", "Limits", "Pocket", "Price", "Purse", "Reservation", "Spent"]

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


class Purse(Protocol):
    """Where what was spent is kept."""

    def look(self) -> Spent:
        """What was spent on the latest day that anything was."""

    def change(self, turn: Callable[[Spent], Spent]) -> None:
        """Replace it by what `turn` makes of it, as one step for all who share the purse.

        If `turn` raises, nothing has changed.
        """


class Pocket:
    """A purse in memory."""

    def __init__(self, spent: Spent | None = None) -> None:
        self._spent = spent or Spent()

    def look(self) -> Spent:
        return self._spent

    def change(self, turn: Callable[[Spent], Spent]) -> None:
        self._spent = turn(self._spent)


class Budget:
    """Limits and what is left of them."""

    def __init__(self, limits: Limits, clock: Callable[[], float], purse: Purse | None = None) -> None:
        self.limits = limits
        self._clock = clock
        self._purse = purse or Pocket()

    @property
    def spent(self) -> Spent:
        """Today's spending, open reservations included."""
        return self._today(self._purse.look())

    def reserve(self, tokens: int, dollars: float, seconds: float) -> Reservation:
        """Set aside the worst case; BudgetSpent if it does not fit."""
        wanted = Reservation(0, tokens, dollars, seconds)

        def reserved(spent: Spent) -> Spent:
            nonlocal wanted
            now = self._today(spent)
            wanted = replace(wanted, day=now.day)
            return self._with(now, wanted)

        self._purse.change(reserved)
        return wanted

    def settle(self, reservation: Reservation, tokens: int, dollars: float, seconds: float) -> None:
        """Replace a reservation by what the request has cost."""

        def settled(spent: Spent) -> Spent:
            now = self._today(spent)
            if now.day != reservation.day:  # midnight has passed: it was paid from the day before
                return now
            return replace(
                now,
                tokens=now.tokens - reservation.tokens + tokens,
                dollars=max(0.0, now.dollars - reservation.dollars + dollars),
                seconds=max(0.0, now.seconds - reservation.seconds + seconds),
            )

        self._purse.change(settled)

    def _today(self, spent: Spent) -> Spent:
        day = int(self._clock() // _DAY_S)
        return spent if day <= spent.day <= day + 1 else Spent(day)

    def _with(self, now: Spent, wanted: Reservation) -> Spent:
        """Today's spending with one more request; BudgetSpent if a limit would be passed."""
        after = Spent(
            day=now.day,
            requests=now.requests + 1,
            tokens=now.tokens + wanted.tokens,
            dollars=now.dollars + wanted.dollars,
            seconds=now.seconds + wanted.seconds,
        )
        for name, unit in (("requests", ""), ("tokens", ""), ("dollars", " dollars"), ("seconds", " s")):
            limit, used, want = getattr(self.limits, name), getattr(now, name), getattr(after, name)
            if limit is not None and want > limit:
                raise BudgetSpent(
                    f"today's budget of {limit:g}{unit} ({name}) does not allow another request"
                    f" ({used:g} used); it opens again at midnight UTC, or raise it in the configuration"
                )
        return after
