"""The swarm's memory: has somebody already run something that does the same?

A *fingerprint* is a tuple of whole numbers: what the recipe does, measured at fixed points, rounded to steps
that matter (2 % of a standard deviation, 1 % of an activation's unit, 2 % of a learning rate's peak, 5 % of a
setting).  Recipes that differ in spelling, or by less than that, have equal fingerprints or neighbours at
distance one; so two nodes find each other's trials without sharing a database, only the records they have.

The functions here are pure; `Memory` keeps what one process was told, at most MOST_TRIALS a track (the oldest
are forgotten first).  The answer never says that an idea is known to science, only who ran it and what came
out.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from leaderboard.errors import PeerError

from .artefact import Query, Setting, decode_query
from .probes.init_laws import Layer
from .slots import activation_values, init_values, lr_values
from .verdict import Channel, Evidence, Relation

__all__ = ["MOST_TRIALS", "Memory", "Tried", "fingerprint", "memory_evidence", "nearest"]

MOST_TRIALS = 20_000
"""Trials a track that are remembered; comparing with all of them takes some 30 ms."""
_MOST_TRACKS = 64
_MOST_NAME = 200  # characters of a peer's name and of a run's

_PROBED = frozenset({"init_std", "activation", "lr"})
_LAYERS = tuple(
    Layer(i, o, k, 12)
    for k, (i, o) in enumerate([(24, 96), (96, 24), (40, 400), (400, 40), (160, 64), (64, 160)])
)
_POINTS = np.array([-20.0, -5.0, -2.0, -1.0, -0.3, 0.3, 1.0, 2.0, 5.0, 20.0])
_TIMES = np.linspace(0.0, 1.0, 11)
_STD_STEP, _VALUE_STEP, _RATE_STEP, _SETTING_STEP = 0.02, 0.01, 0.02, 0.05
_NOWHERE = 1 << 30  # stands for "no finite value here"
_FAR = 8  # steps from which a trial is not even a neighbour
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


@dataclass(slots=True)
class Memory:
    """What this process was told about trials, by track."""

    tracks: dict[str, OrderedDict[str, Tried]] = field(default_factory=dict)

    def learn(self, trials: object) -> int:
        """Take in decoded trials; a later one of the same run replaces the earlier.  Returns how many.

        Each is an object with `track`, `run`, `peer`, `effect`, `noise`, and the recipe's `expressions` and
        `settings`.  PeerError for anything else.
        """
        if not isinstance(trials, list):
            raise PeerError("`remember` must be a list of trials")
        for trial in trials:
            query, tried = _trial(trial)
            if query.track not in self.tracks and len(self.tracks) >= _MOST_TRACKS:
                raise PeerError(f"trials of more than {_MOST_TRACKS} tracks")
            known = self.tracks.setdefault(query.track, OrderedDict())
            known[tried.run] = tried
            if len(known) > MOST_TRIALS:
                known.popitem(last=False)
        return len(trials)

    def evidence(self, query: Query) -> list[Evidence]:
        """Trials on the query's track that did the same, if it asks for them."""
        known = self.tracks.get(query.track) if query.recall else None
        return memory_evidence(query, known.values()) if known else []


def _trial(value: object) -> tuple[Query, Tried]:
    if not isinstance(value, Mapping):
        raise PeerError("a trial must be an object")
    query = decode_query(value)
    names = [value.get(key) for key in ("peer", "run")]
    numbers = [value.get(key) for key in ("effect", "noise")]
    if not all(isinstance(name, str) and len(name) <= _MOST_NAME for name in names):
        raise PeerError("`peer` and `run` of a trial must be short texts")
    if not all(isinstance(n, (int, float)) and abs(n) < math.inf for n in numbers):
        raise PeerError("`effect` and `noise` of a trial must be numbers")
    peer, run = map(str, names)
    effect, noise = (float(n) for n in numbers if isinstance(n, (int, float)))
    return query, Tried(fingerprint(query), peer, run, effect, noise)


def fingerprint(query: Query) -> tuple[int, ...]:
    """What the recipe of a query does, as whole numbers; equal for equal behaviour."""
    slots = dict(query.expressions)
    numbers: list[int] = []
    numbers += _steps([_log(v) for v in init_values(slots.get("init_std", ""), _LAYERS)], _STD_STEP)
    numbers += _steps(_squeezed(activation_values(slots.get("activation", ""), _POINTS)), _VALUE_STEP)
    numbers += _steps(lr_values(slots.get("lr", ""), _TIMES), _RATE_STEP)
    for name, text in sorted(slots.items()):
        if name not in _PROBED:  # nothing here can run it, so only its text tells it apart
            numbers += [_word(name), _word("".join(text.split()))]
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
            mode=item.run,
        )
        for gap, item in same
    ]


def _distance(one: Sequence[int], other: Sequence[int]) -> int:
    if len(one) != len(other) or not one:
        return _NOWHERE
    most = 0
    for a, b in zip(one, other, strict=True):
        most = max(most, abs(a - b))
        if most > _FAR:
            return _NOWHERE  # nearly all trials end here, after a few numbers
    return most


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
