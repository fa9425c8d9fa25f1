"""What the next gain will probably cost: gains as events of a process whose rate falls with effort.

Theory of operation. Experiments are taken in order of time; a *gain* is a claim that beats the best before
it by the track's least effect that matters. Gains are events of a Poisson process whose rate after effort x
(in units of one experiment, x >= 1) is c * x^(b-1). b = 1 is a steady stream; b = 0 is the rate of records
among draws that do not get better (1/x, Renyi 1962), and b < 0 runs dry: what is left to come is finite. It
is the power-law process of Crow (1974) and of Duane's learning curve, begun at the first experiment in place
of zero, so that b may fall to 0 and below. With A(x) = (x^b - 1) / b, c * A(x) gains are expected by x. Given
R gains at x_1 .. x_R up to N: c given b ~ Gamma(R + 1/2, rate A(N)), and the posterior of b, flat before, is
proportional to the product of x_i^b over A(N)^(R + 1/2). The next gain comes at the x at which
c * (A(x) - A(N)) reaches a standard exponential draw, or never. The same over computing time gives the cost
in hours. Intervals are quantiles of draws from this predictive distribution, which takes both the chance of
the process and our ignorance of b and c into account. How large a gain will be is a bootstrap of the latest
gains.

What it does not know: a new idea, a better model or a swarm that doubles changes the rate, and the past
cannot tell. Effects are by others' seeds where there are any, and else the author's own, which are too good
by the winner's curse. bench/results/returns.md says how often such intervals held.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TypeAlias

from leaderboard.records import Replication, Result

from ..api.values import JsonMap
from .book import Book

__all__ = ["History", "Outlook", "Span", "TooLittle", "gains", "history", "outlook"]

LEAST_EXPERIMENTS = 20
LEAST_GAINS = 3
"""Below these the posterior is so wide that an answer would be decoration."""
_DRAWS = 4000
_LATEST = 5
"""Gains from which the size of the next one is drawn."""
_FAR = 1e3
"""Times the effort so far: beyond it the answer is "not within reach of this model"."""
_SEED = 20261120
_EXPONENTS = tuple(number / 50 for number in range(-150, 76))
"""Values of b that are weighed, from a well that runs dry at once to a stream that swells."""


@dataclass(frozen=True, slots=True)
class History:
    """One track's experiments in order of time."""

    effects: tuple[float, ...]
    """Best estimate of each claim's effect."""
    hours: tuple[float, ...]
    """Computing that each one took, replications included."""
    least: float
    """The least difference that matters on this track."""


@dataclass(frozen=True, slots=True)
class Span:
    """A predicted quantity: median, and an interval that holds four times in five. None is out of reach."""

    median: float | None
    low: float | None
    high: float | None

    def to_json(self) -> JsonMap:
        return {"median": self.median, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class TooLittle:
    """Why there is no answer."""

    reason: str

    def to_json(self) -> JsonMap:
        return {"reason": self.reason}


@dataclass(frozen=True, slots=True)
class Outlook:
    """The fit and what it says of the next gain."""

    experiments: int
    gains: int
    best: float
    exponent: Span
    """b of the rate c * x^(b-1): 1 is a steady stream, 0 that of mere records, less runs dry."""
    next_experiments: Span
    next_hours: Span
    size: Span

    def to_json(self) -> JsonMap:
        return {
            "experiments": self.experiments,
            "gains": self.gains,
            "best": self.best,
            "exponent": self.exponent.to_json(),
            "next_experiments": self.next_experiments.to_json(),
            "next_hours": self.next_hours.to_json(),
            "size": self.size.to_json(),
        }

    def lines(self, amount: Callable[[float | None], str]) -> list[str]:
        """For people; `amount` writes a number."""

        def told(span: Span, unit: str = "") -> str:
            middle = f"{amount(span.median)}{unit}"
            if span.high is None:
                return f"{middle} (nine times in ten more than {amount(span.low)}, with no end in sight)"
            return f"{middle} (four times in five between {amount(span.low)} and {amount(span.high)})"

        said = [
            f"{self.gains} gains in {self.experiments} experiments; the best effect is {amount(self.best)}",
            "their rate goes as experiments to the power b - 1,",
            f"  where b is {told(self.exponent)}",
        ]
        if self.next_experiments.median is None:
            return [*said, *self._out_of_reach(amount)]
        said.append(f"the next gain will probably take {told(self.next_experiments, ' experiments')}")
        if self.next_hours.median is not None:
            said.append(f"  which is {told(self.next_hours, ' hours of computing')}")
        return [*said, f"  and be worth {told(self.size)}"]

    def _out_of_reach(self, amount: Callable[[float | None], str]) -> list[str]:
        """Most futures that fit hold no further gain."""
        said = ["the next gain is probably out of reach"]
        if self.next_experiments.low is not None:
            least = f"{amount(self.next_experiments.low)} experiments"
            if self.next_hours.low is not None:
                least += f" and {amount(self.next_hours.low)} hours of computing"
            said[0] += f": nine times in ten it takes more than {least}"
        return said


Answer: TypeAlias = Outlook | TooLittle


def history(book: Book) -> History:
    """The measured claims of a track in order of time."""
    effects, hours = [], []
    for view in sorted(book.views, key=lambda view: (view.time_ms, view.id)):
        own = view.evidence.author.median if view.evidence.author else None
        effect = view.evidence.median if view.evidence.median is not None else own
        if effect is None:
            continue
        effects.append(effect)
        about = book.about(view.id)
        spent = [book.records[key].record for key in (*about.results, *about.replications)]
        hours.append(sum(map(_cost_ms, spent)) / 3_600_000)
    return History(tuple(effects), tuple(hours), book.manifest.delta_min)


def _cost_ms(record: object) -> int:
    match record:
        case Result(measurement=measured):
            return measured.cost_ms
        case Replication(own=own, replay=replay):
            return own.cost_ms + (replay.cost_ms if replay else 0)
    return 0


def gains(effects: Sequence[float], least: float) -> list[tuple[int, float]]:
    """(number of experiments by then, by how much) of each gain over the best before; the reference is 0."""
    found, best = [], 0.0
    for number, effect in enumerate(effects, 1):
        if effect - best >= least:
            found.append((number, effect - best))
            best = effect
    return found


def outlook(past: History) -> Answer:
    """The fit, or why there is none."""
    count = len(past.effects)
    if count < LEAST_EXPERIMENTS:
        missing = LEAST_EXPERIMENTS - count
        return TooLittle(f"{count} measured claims are too few to say; {missing} more are needed")
    found = gains(past.effects, past.least)
    if len(found) < LEAST_GAINS:
        return TooLittle(
            f"{len(found)} gains in {count} experiments are too few to say; {LEAST_GAINS} are needed"
        )
    rng = random.Random(_SEED)  # noqa: S311 - the same records give the same answer
    unit = max(sum(past.hours) / count, 1e-9)  # hours that one experiment takes
    clock = [max(1.0, sum(past.hours[:number]) / unit) for number, _ in found]
    exponents, waits = _predict([float(number) for number, _ in found], float(count), rng)
    _, hours = _predict(clock, float(count), rng)
    sizes = [size for _, size in found[-_LATEST:]]
    return Outlook(
        experiments=count,
        gains=len(found),
        best=sum(size for _, size in found),
        exponent=_span(exponents),
        next_experiments=_span([max(1.0, wait) for wait in waits]),
        next_hours=_span([unit * wait for wait in hours]),
        size=_span([rng.choice(sizes) for _ in range(_DRAWS)]),
    )


def _predict(events: Sequence[float], effort: float, rng: random.Random) -> tuple[list[float], list[float]]:
    """Draws of b and of the effort until the next event; inf where it is out of reach. Efforts are >= 1."""
    spread = sum(math.log(event) for event in events)
    count = len(events) + 0.5
    logs = [b * spread - count * math.log(_area(effort, b)) for b in _EXPONENTS]
    weights = [math.exp(found - max(logs)) for found in logs]
    exponents = rng.choices(_EXPONENTS, weights, k=_DRAWS)
    waits = []
    for b in exponents:
        rate = rng.gammavariate(count, 1.0 / _area(effort, b))
        waits.append(_reaches(_area(effort, b) + rng.expovariate(1.0) / rate, b) - effort)
    return exponents, [wait if wait < _FAR * effort else math.inf for wait in waits]


def _area(effort: float, b: float) -> float:
    """(x^b - 1) / b, and its limit log x; at least a little, so that a history of one has a rate."""
    grown = math.log(max(effort, 1.0 + 1e-6))
    return grown if abs(b) < 1e-9 else math.expm1(b * grown) / b


def _reaches(area: float, b: float) -> float:
    """The effort at which the area is reached; inf if it never is, or nowhere near."""
    if abs(b) < 1e-9:
        return math.exp(min(area, 700.0))
    if 1.0 + b * area <= 0.0:
        return math.inf
    return math.exp(min(math.log1p(b * area) / b, 700.0))


def _span(draws: Sequence[float]) -> Span:
    ends = quantiles(draws, n=10) if not any(map(math.isinf, draws)) else _with_far(draws)
    found = [value if math.isfinite(value) else None for value in (median(draws), ends[0], ends[-1])]
    return Span(*found)


def _with_far(draws: Sequence[float]) -> list[float]:
    """Deciles where some draws are infinite: no mean of a finite and an infinite one."""
    ordered = sorted(draws)
    return [ordered[len(ordered) * n // 10] for n in range(1, 10)]
