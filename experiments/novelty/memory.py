"""The swarm's memory: has somebody already run something that does the same?

A *fingerprint* is a tuple of whole numbers: what the recipe does, measured at fixed points, rounded to steps
that matter (2 % of a standard deviation, 1 % of an activation's unit, 2 % of a learning rate's peak, 5 % of a
setting).  Recipes that differ in spelling, or by less than that, have equal fingerprints or neighbours at
distance one; so two nodes find each other's trials without sharing a database, only the records they have.

Everything here is a pure function of its arguments.  The answer never says that an idea is known to science,
only who ran it and what came out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .artefact import Query, Setting
from .probes.init_laws import Layer
from .slots import activation_values, init_values, lr_values
from .verdict import Channel, Evidence, Relation

__all__ = ["Tried", "fingerprint", "memory_evidence", "nearest"]

_LAYERS = tuple(
    Layer(i, o, k, 12)
    for k, (i, o) in enumerate([(24, 96), (96, 24), (40, 400), (400, 40), (160, 64), (64, 160)])
)
_POINTS = np.array([-20.0, -5.0, -2.0, -1.0, -0.3, 0.3, 1.0, 2.0, 5.0, 20.0])
_TIMES = np.linspace(0.0, 1.0, 11)
_STD_STEP, _VALUE_STEP, _RATE_STEP, _SETTING_STEP = 0.02, 0.01, 0.02, 0.05
_NOWHERE = 1 << 30  # stands for "no finite value here"
_CLOSE = 1  # largest difference, in steps, that still counts as the same trial


@dataclass(frozen=True, slots=True)
class Tried:
    """A trial that somebody ran: its fingerprint, whose it was, and what came of it.

    `effect` is against that run's opponent, in units of the track's metric; `noise` its standard error.
    """

    fingerprint: tuple[int, ...]
    peer: str
    run: str
    effect: float
    noise: float

    @property
    def words(self) -> str:
        inside = ", within seed noise" if abs(self.effect) <= 2.0 * self.noise else ""
        return f"tried by {self.peer} in run {self.run}, effect {self.effect:+.3g}{inside}"


def fingerprint(query: Query) -> tuple[int, ...]:
    """What the recipe of a query does, as whole numbers; equal for equal behaviour."""
    slots = dict(query.expressions)
    numbers: list[int] = []
    numbers += _steps([_log(v) for v in init_values(slots.get("init_std", ""), _LAYERS)], _STD_STEP)
    numbers += _steps(_squeezed(activation_values(slots.get("activation", ""), _POINTS)), _VALUE_STEP)
    numbers += _steps(lr_values(slots.get("lr", ""), _TIMES), _RATE_STEP)
    for name, value in sorted(query.settings):
        numbers += [_word(name), *_steps([_number(value)], _SETTING_STEP)]
    return tuple(numbers)


def nearest(own: Sequence[int], tried: Iterable[Tried], count: int = 3) -> list[tuple[int, Tried]]:
    """The closest trials with their distance: the largest difference in any number, in steps."""
    found = [(_distance(own, item.fingerprint), item) for item in tried]
    return sorted((pair for pair in found if pair[0] < _NOWHERE), key=lambda pair: pair[0])[:count]


def memory_evidence(query: Query, tried: Iterable[Tried]) -> list[Evidence]:
    """Trials of the same thing by others, as evidence that informs and never flags."""
    same = [(gap, item) for gap, item in nearest(fingerprint(query), tried) if gap <= _CLOSE]
    return [
        Evidence(
            channel=Channel.MEMORY,
            relation=Relation.NEAR,
            technique="",
            score=0.0,
            summary=item.words,
            numbers=(("effect", item.effect), ("noise", item.noise), ("distance", float(gap))),
        )
        for gap, item in same
    ]


def _distance(one: Sequence[int], other: Sequence[int]) -> int:
    if len(one) != len(other) or not one:
        return _NOWHERE
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def _steps(values: Iterable[float], step: float) -> list[int]:
    return [round(v / step) if math.isfinite(v) and abs(v) < 1e6 else _NOWHERE for v in values]


def _log(value: float) -> float:
    return math.log(value) if value > 0.0 and math.isfinite(value) else (-100.0 if value == 0.0 else math.nan)


def _squeezed(values: Iterable[float]) -> list[float]:
    """Large values on a logarithmic scale, so that a step is relative there."""
    return [math.copysign(math.log1p(abs(v)), v) if math.isfinite(v) else math.nan for v in values]


def _number(value: Setting) -> float:
    if isinstance(value, (bool, str)):
        return float(_word(str(value)))
    return math.copysign(math.log1p(1e6 * abs(value)), value)


def _word(text: str) -> int:
    """A stable number for a name, far from its neighbours."""
    total = 0
    for character in text[:200]:
        total = (total * 131 + ord(character)) % 999_983
    return total * 7
