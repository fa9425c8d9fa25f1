"""Numeric optimisers behind the proposer interface: Optuna's TPE, and CMA-ES.

Both turn the dials of `dials`. They keep no study between proposals: it is rebuilt from the briefing each
time (for CMA-ES by telling it the trials again, generation by generation), so a restarted node goes on with
the same knowledge. Alone they are the baselines of the literature; inside `embedded` TPE looks after the
typed settings, and inside `hybrid` they refine the numbers of other proposers' ideas.

Optuna: Akiba et al. 2019 (arXiv 1907.10902). TPE: Bergstra et al. 2011. CMA-ES: Hansen (arXiv 1604.00772).
"""

from __future__ import annotations

import itertools
import logging
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import trio
from numpy.typing import NDArray

from experiments.recipe import Recipe
from experiments.space import Choice, FloatRange, IntRange, Scalar, Switch

from .dials import Dial, Dials
from .proposer import Briefing, Proposal, Trial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = [
    "Ask",
    "CmaEs",
    "Numeric",
    "Told",
    "Tpe",
    "TpeSettings",
    "ask_cmaes",
    "ask_tpe",
    "place",
    "value_at",
]

_ATTEMPTS: Final = 20  # asks before giving up on something new
_SIGMA: Final = 0.3  # first step of CMA-ES, of the width of every dial
_STARTUP: Final = 8  # random trials before TPE has a model; Optuna's default of 10 wastes a short run


def _score(trial: Trial, bound: float) -> float:
    return -bound if trial.effect is None else max(trial.effect, -bound)


def _best(briefing: Briefing) -> Trial | None:
    """The best trial that beats the reference clearly, if any."""
    good = [
        t for t in briefing.known if t.effect is not None and t.effect > briefing.track.manifest.delta_min
    ]
    return max(good, key=lambda trial: _score(trial, math.inf), default=None)


Told: TypeAlias = "Sequence[tuple[dict[str, Scalar], float]]"
"""Positions of the dials and the effect there, oldest first."""
Ask: TypeAlias = "Callable[[Sequence[Dial], Told, random.Random], Iterator[dict[str, Scalar]]]"
"""An optimiser: from the dials and what is known to positions to try, best first."""


class Numeric:
    """A numeric optimiser as a proposer; without `laws` it turns settings only, around the best recipe."""

    def __init__(self, name: str, ask: Ask, *, laws: bool = True) -> None:
        self.name = name
        self._ask = ask
        self._with_laws = laws

    async def propose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        """The next recipe; computed in a thread."""
        return await trio.to_thread.run_sync(partial(self.choose, briefing, rng))

    def choose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        """The same without a thread; None if the track has no dials among what is searched."""
        dials = Dials(briefing.track, briefing.searched, laws=self._with_laws)
        if not dials.all:
            return None
        bound = briefing.track.manifest.effect_bound
        best = _best(briefing)
        base = briefing.track.reference if best is None else best.recipe
        alike = [t for t in briefing.known if self._with_laws or t.recipe.slots == base.slots]
        read = [(dials.read(trial.recipe), _score(trial, bound)) for trial in alike]
        told = [(values, score) for values, score in read if values is not None]
        tried = {trial.recipe for trial in briefing.known}
        for values in itertools.islice(self._ask(dials.all, told, rng), _ATTEMPTS):
            recipe = dials.write(values, base)
            if recipe is not None and recipe not in tried and recipe.id not in briefing.taken:
                return self._proposal(recipe, values, best)
        return None

    def _proposal(self, recipe: Recipe, values: Mapping[str, Scalar], best: Trial | None) -> Proposal:
        turned = ", ".join(f"{key.split(':', 1)[1]} = {_shown(value)}" for key, value in values.items())
        return Proposal(
            recipe=recipe,
            hypothesis=f"better than the reference: {turned}",
            predicted_effect=None if best is None else best.effect,
            proposer=self.name,
            parents=() if best is None else (best.claim,),
        )


def _shown(value: Scalar) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def ask_tpe(dials: Sequence[Dial], told: Told, rng: random.Random) -> Iterator[dict[str, Scalar]]:
    """Positions from Optuna's multivariate TPE, told everything first; without end."""
    import optuna  # half a second, so only where it is used

    logging.getLogger("optuna").setLevel(logging.WARNING)
    domains = {dial.key: _distribution(dial) for dial in dials}
    sampler = optuna.samplers.TPESampler(
        seed=rng.getrandbits(32),
        n_startup_trials=_STARTUP,
        multivariate=True,
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for values, score in told:
        study.add_trial(optuna.trial.create_trial(params=values, distributions=domains, value=score))
    while True:
        yield study.ask(domains).params


def _distribution(dial: Dial) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match dial.domain:
        case FloatRange(low, high, log):
            return FloatDistribution(low, high, log=log)
        case IntRange(low, high, log):
            return IntDistribution(low, high, log=log)
        case Choice(options):
            return CategoricalDistribution(options)
        case Switch():
            return CategoricalDistribution((False, True))


def ask_cmaes(dials: Sequence[Dial], told: Told, rng: random.Random) -> Iterator[dict[str, Scalar]]:
    """Positions from CMA-ES in the unit cube, told whole generations in their order; without end."""
    from cmaes import CMA

    bounds = np.tile([0.0, 1.0], (len(dials), 1))
    search = CMA(
        mean=np.array([rng.random() for _ in dials]) if not told else np.full(len(dials), 0.5),
        sigma=_SIGMA,
        bounds=bounds,
        seed=rng.getrandbits(32),
    )
    size = search.population_size
    for start in range(0, len(told) - size + 1, size):
        generation = told[start : start + size]
        search.tell([(_to_unit(dials, values), -score) for values, score in generation])
    while True:
        yield _from_unit(dials, search.ask())


def _to_unit(dials: Sequence[Dial], values: Mapping[str, Scalar]) -> NDArray[np.float64]:
    """Positions in the unit cube, shape (dials,); choices spread evenly."""
    return np.array([place(dial, values[dial.key]) for dial in dials])


def place(dial: Dial, value: Scalar) -> float:
    """Where a value lies between the ends of its dial, from 0 to 1; choices spread evenly."""
    match dial.domain:
        case Choice(options):
            return (options.index(str(value)) + 0.5) / len(options)
        case Switch():
            return 0.75 if value else 0.25
        case FloatRange(low, high, log) | IntRange(low, high, log):
            number = float(value)
            if log:
                return math.log(number / low) / math.log(high / low)
            return (number - low) / (high - low)


def _from_unit(dials: Sequence[Dial], point: NDArray[np.float64]) -> dict[str, Scalar]:
    return {dial.key: value_at(dial, float(x)) for dial, x in zip(dials, point, strict=True)}


def value_at(dial: Dial, x: float) -> Scalar:
    """The value of a dial at a place between 0 and 1."""
    match dial.domain:
        case Choice(options):
            return options[min(int(x * len(options)), len(options) - 1)]
        case Switch():
            return x >= 0.5
        case FloatRange(low, high, log):
            number = low * (high / low) ** x if log else low + (high - low) * x
            return min(max(number, low), high)
        case IntRange(low, high, log):
            number = low * (high / low) ** x if log else low + (high - low) * x
            return min(max(round(number), low), high)


Tpe: Final = Numeric("search/tpe", ask_tpe)
CmaEs: Final = Numeric("search/cma-es", ask_cmaes)
TpeSettings: Final = Numeric("search/tpe-settings", ask_tpe, laws=False)
