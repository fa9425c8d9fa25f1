"""Settings by estimation of distribution: draw the next one from where the best ones lie.

Theory of operation. The best few positions known, own ones and the confirmed pool of the swarm, are taken as
a sample of where it is good: each number is drawn from a normal distribution with their weighted mean and
spread (weights falling with the logarithm of the rank, as in CMA-ES, arXiv 1604.00772), each choice from
theirs with some chance of any other. This is the univariate EDA of Larranaga and Lozano (2002), with the
elite of all times instead of a generation's, because a proposer keeps no generations.

Settings depend on each other. So half of the draws move all numbers together along the differences between
the members of the elite: a normal distribution with the elite's own covariance, as in the estimation of a
multivariate normal (EMNA, in the same book), with some of each number's own spread added, because eight
members span few directions. The other half treat every number by itself, which is quicker where nothing
depends on anything.

Why beside TPE: TPE needs the bad trials as well as the good ones to tell them apart, and of others' trials an
agent knows only the confirmed best. An elite is all that this needs, so agents that share one go on from the
same place, each with its own draw (bench/swarm_scaling.py).

Not covered: a covariance of more directions than the elite has members; choices are drawn one by one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from typing import Final

from experiments.space import Choice, Scalar, Switch

from .dials import Dial
from .numeric import Numeric, Told, place, value_at

__all__ = ["Elite", "ask_elite"]

_ELITE: Final = 8  # positions; as many as a pool has, and as TPE draws at random before it begins
_NARROWEST: Final = 0.02  # of a dial's range: below that, a difference is rarely measured
_ELSEWHERE: Final = 0.1  # chance of a choice that no position of the elite has made
_TOGETHER: Final = 0.5  # of the draws move all numbers together
_COMMON: Final = 0.7  # of the variance of such a draw is the elite's covariance, the rest its own; a guess
_TRIES: Final = 20  # draws that fall outside before the nearest end is taken


def ask_elite(dials: Sequence[Dial], told: Told, rng: random.Random) -> Iterator[dict[str, Scalar]]:
    """Positions drawn from the elite of what is known; anywhere until there is one."""
    ranked = sorted(told, key=lambda item: -item[1])[:_ELITE]
    elite = [values for values, _ in ranked] if len(told) >= _ELITE else []
    logs = [math.log(len(elite) + 0.5) - math.log(rank + 1) for rank in range(len(elite))]
    weights = [log / math.fsum(logs) for log in logs]
    while True:
        pulls: list[float] = []
        if rng.random() < _TOGETHER:
            pulls = [rng.gauss(0.0, math.sqrt(_COMMON * weight)) for weight in weights]
        yield {dial.key: _draw(dial, [v[dial.key] for v in elite], weights, pulls, rng) for dial in dials}


def _draw(
    dial: Dial, seen: Sequence[Scalar], weights: Sequence[float], pulls: Sequence[float], rng: random.Random
) -> Scalar:
    """One dial's value; `pulls` say how far all dials move together towards each member of the elite."""
    if not seen:
        return value_at(dial, rng.random())
    if isinstance(dial.domain, Choice | Switch):
        anywhere = rng.random() < _ELSEWHERE
        return value_at(dial, rng.random()) if anywhere else rng.choices(seen, weights)[0]
    places = [place(dial, value) for value in seen]
    mean = math.fsum(w * x for w, x in zip(weights, places, strict=True))
    spread = math.sqrt(math.fsum(w * (x - mean) ** 2 for w, x in zip(weights, places, strict=True)))
    if pulls:
        common = math.fsum(pull * (x - mean) for pull, x in zip(pulls, places, strict=True))
        drawn = mean + common + rng.gauss(0.0, math.sqrt(1.0 - _COMMON) * spread + _NARROWEST)
        return value_at(dial, min(max(drawn, 0.0), 1.0))
    for _ in range(_TRIES):
        drawn = rng.gauss(mean, spread + _NARROWEST)
        if 0.0 <= drawn <= 1.0:
            return value_at(dial, drawn)
    return value_at(dial, min(max(mean, 0.0), 1.0))


Elite: Final = Numeric("search/elite", ask_elite, laws=False)
