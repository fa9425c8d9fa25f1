"""What the next gain will probably cost: gains as events of a process whose rate falls with effort.

Theory of operation. Experiments are taken in order of time; a *gain* is a claim that beats the best before
it by the track's least effect that matters. Gains are modelled as a power-law process (Crow 1974; Duane's
"learning curve" of 1964; Rigdon and Basu, Statistical Methods for the Reliability of Repairable Systems,
2000): the expected number of gains after effort n is a * n^b. b = 1 is a steady stream, b near 0 that of
records among draws that do not improve (their expected number grows like log n), b < 1 diminishing returns.
With R gains at efforts n_1 .. n_R up to N, and S = sum log(N / n_i), the posterior under Jeffreys' priors is
b ~ Gamma(R, rate S) and a * N^b ~ Gamma(R + 1/2, 1), and P(no gain in the next m | a, b) =
exp(-a * ((N + m)^b - N^b)). The same model over computing time in place of the count gives the cost in
hours. Intervals are quantiles of draws from the posterior predictive distribution, which take both the chance
of the process and our ignorance of a and b into account. How large a gain will be is a bootstrap of the
latest gains.

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

from ..api.ports import JsonMap
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
    """b of a * n^b over experiments: 1 is a steady stream of gains, 0 is a dry well."""
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

        def told(span: Span, unit: str) -> str:
            middle = "out of reach" if span.median is None else f"{amount(span.median)}{unit}"
            high = "no end in sight" if span.high is None else amount(span.high)
            return f"{middle} (four times in five between {amount(span.low)} and {high})"

        return [
            f"{self.gains} gains in {self.experiments} experiments; the best effect is {amount(self.best)}",
            f"gains grow as experiments to the power {told(self.exponent, '')}",
            f"the next gain will probably take {told(self.next_experiments, ' experiments')}",
            f"which is {told(self.next_hours, ' hours of computing')}",
            f"and be worth {told(self.size, '')}",
        ]


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
    clock = [sum(past.hours[:number]) for number, _ in found]
    exponents, waits = _predict([float(number) for number, _ in found], float(count), rng)
    _, hours = _predict(clock, sum(past.hours), rng)
    sizes = [size for _, size in found[-_LATEST:]]
    return Outlook(
        experiments=count,
        gains=len(found),
        best=sum(size for _, size in found),
        exponent=_span(exponents),
        next_experiments=_span([max(1.0, wait) for wait in waits]),
        next_hours=_span(hours),
        size=_span([rng.choice(sizes) for _ in range(_DRAWS)]),
    )


def _predict(events: Sequence[float], effort: float, rng: random.Random) -> tuple[list[float], list[float]]:
    """Draws of the exponent and of the effort until the next event; inf where it is out of reach."""
    # An event at the very end, or at no effort at all, says nothing about the curve.
    spread = sum(math.log(effort / max(event, effort * 1e-9)) for event in events)
    spread = max(spread, 1e-9)
    exponents, waits = [], []
    for _ in range(_DRAWS):
        b = rng.gammavariate(len(events), 1.0 / spread)
        expected = rng.gammavariate(len(events) + 0.5, 1.0)
        # exp(-expected * ((1 + m / effort)^b - 1)) = u, solved for m; in logarithms, or it overflows.
        growth = math.log1p(rng.expovariate(1.0) / expected) / b
        waits.append(effort * math.expm1(growth) if growth < math.log(_FAR) else math.inf)
        exponents.append(b)
    return exponents, waits


def _span(draws: Sequence[float]) -> Span:
    ends = quantiles(draws, n=10) if not any(map(math.isinf, draws)) else _with_far(draws)
    found = [value if math.isfinite(value) else None for value in (median(draws), ends[0], ends[-1])]
    return Span(*found)


def _with_far(draws: Sequence[float]) -> list[float]:
    """Deciles where some draws are infinite: no mean of a finite and an infinite one."""
    ordered = sorted(draws)
    return [ordered[len(ordered) * n // 10] for n in range(1, 10)]
