"""Settings by estimation of distribution: draw the next one from where the best ones lie.

Theory of operation. The best few positions known, own ones and the confirmed pool of the swarm, are taken as
a sample of where it is good: each number is drawn from a normal distribution with their weighted mean and
spread (weights falling with the logarithm of the rank, as in CMA-ES, arXiv 1604.00772), each choice from
theirs with some chance of any other. This is the univariate EDA of Larranaga and Lozano (2002), with the
elite of all times instead of a generation's, because a proposer keeps no generations.

Why beside TPE: TPE needs the bad trials as well as the good ones to tell them apart, and of others' trials an
agent knows only the confirmed best. An elite is all that this needs, so agents that share one go on from the
same place, each with its own draw (bench/swarm_scaling.py: four agents need a quarter of the rounds of one).

Not covered: correlations between settings, which cost more trials to learn than a short search has.
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
_TRIES: Final = 20  # draws that fall outside before the nearest end is taken


def ask_elite(dials: Sequence[Dial], told: Told, rng: random.Random) -> Iterator[dict[str, Scalar]]:
    """Positions drawn from the elite of what is known; anywhere until there is one."""
    ranked = sorted(told, key=lambda item: -item[1])[:_ELITE]
    elite = [values for values, _ in ranked] if len(told) >= _ELITE else []
    weights = [math.log(len(elite) + 0.5) - math.log(rank + 1) for rank in range(len(elite))]
    while True:
        yield {dial.key: _draw(dial, [values[dial.key] for values in elite], weights, rng) for dial in dials}


def _draw(dial: Dial, seen: Sequence[Scalar], weights: Sequence[float], rng: random.Random) -> Scalar:
    if not seen:
        return value_at(dial, rng.random())
    if isinstance(dial.domain, Choice | Switch):
        anywhere = rng.random() < _ELSEWHERE
        return value_at(dial, rng.random()) if anywhere else rng.choices(seen, weights)[0]
    places = [place(dial, value) for value in seen]
    total = math.fsum(weights)
    mean = math.fsum(w * x for w, x in zip(weights, places, strict=True)) / total
    spread = math.fsum(w * (x - mean) ** 2 for w, x in zip(weights, places, strict=True)) / total
    width = math.sqrt(spread) + _NARROWEST
    for _ in range(_TRIES):
        drawn = rng.gauss(mean, width)
        if 0.0 <= drawn <= 1.0:
            return value_at(dial, drawn)
    return value_at(dial, min(max(mean, 0.0), 1.0))


Elite: Final = Numeric("search/elite", ask_elite, laws=False)
