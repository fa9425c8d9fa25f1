"""From likeness and rules to a named technique and the probability that the name is right.

Two small models as in the text channel (`text/matcher.py`), fitted by `fit.py` to programs of authors whom
the index had not seen, and stored in `model.json`: a conditional logit that ranks the techniques, and a
logistic regression on how far the first one stands out.  The rules of structure take part in both: a rule
is a column beside the likenesses, so one that agrees lifts a technique, and one that likeness does not
support is weighed down to what such rules were worth.  Behaviour that matches is a flag whatever is said
here; it is a column all the same, because what was run may be a small part of the program, and a probe that
ran and matched nothing is a sign against.

Not covered: techniques of which no author wrote a program have their texts only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from ..catalogue import Catalogue
from ..text.matcher import SIGHTS, STANDING, signs
from ..verdict import Channel, Evidence, Relation
from .index import COLUMNS, Index, Sight, read_index

__all__ = ["CALIBRATION", "FEATURES", "MODEL_FILE", "LikenessMatcher", "Model", "all_signs", "with_rules"]

_Table: TypeAlias = npt.NDArray[np.float64]

MODEL_FILE: Final = Path(__file__).parent / "model.json"
_SEEN: Final = (*COLUMNS, "rule", "hint", "probe")
_SPREAD: Final = ("nearest", "trained", "sibling", "texts", "array chains", "numbers", "syntax")
"""Columns that the ranking also sees in standard deviations from the mean of all techniques."""
FEATURES: Final = (*_SEEN, *(f"{name} stands out" for name in _SPREAD))
_ASIDE: Final = (
    "odd nearest", "odd trained", "nearer than odd", "known share", "contradicted", "silent rules", "length",
)  # fmt: skip
CALIBRATION: Final = (
    *(name + sight for name in _SEEN for sight in SIGHTS),
    *STANDING,
    *_ASIDE,
)
_TOP: Final = 5
_TINY: Final = 1e-6
_RULE: Final = 8.0  # weight from which a rule counts in full, as in `programs.py`


@dataclass(frozen=True, slots=True)
class Model:
    """Coefficients: `ranking` by FEATURES, `calibration` by CALIBRATION, and the flag's threshold."""

    ranking: _Table
    calibration: _Table
    intercept: float
    threshold: float


@cache
def load_model(file: Path = MODEL_FILE) -> Model:
    """The shipped model."""
    raw = json.loads(file.read_bytes())
    return Model(
        np.array([raw["ranking"][name] for name in FEATURES]),
        np.array([raw["calibration"][name] for name in CALIBRATION]),
        raw["flag"]["intercept"],
        raw["flag"]["threshold"],
    )


@dataclass(frozen=True, slots=True)
class Joined:
    """Likeness and rules of one program: `table` is (techniques, FEATURES), `aside` the rest."""

    table: _Table
    aside: _Table


class LikenessMatcher:
    """Names the technique of a program; the index is read when the first program comes."""

    def __init__(self, catalogue: Catalogue, model: Model | None = None) -> None:
        self._catalogue = catalogue
        self._given = model

    @cached_property
    def _index(self) -> Index:
        return Index(read_index(), self._catalogue)

    @cached_property
    def _model(self) -> Model:
        return self._given or load_model()

    def evidence(self, code: str, found: Sequence[Evidence]) -> list[Evidence]:
        """At most five candidates, given what rules and probes found; only the first may flag."""
        joined = with_rules(self._index.look(code), found, code, self._catalogue)
        scores = joined.table @ self._model.ranking
        order = np.argsort(-scores)[:_TOP]
        seen = all_signs(joined, scores, self._catalogue)
        odds = self._model.intercept + float(seen @ self._model.calibration)
        right = 1.0 / (1.0 + math.exp(-max(min(odds, 30.0), -30.0)))
        chances = right * np.exp(scores[order] - scores[order[0]])
        return [
            self._evidence(int(at), float(chance), flagged=place == 0 and right >= self._model.threshold)
            for place, (at, chance) in enumerate(zip(order, chances, strict=True))
        ]

    def _evidence(self, row: int, chance: float, *, flagged: bool) -> Evidence:
        entry = self._catalogue.techniques[row]
        return Evidence(
            Channel.LIKENESS,
            Relation.EQUAL if flagged else Relation.NEAR,
            entry.id,
            chance,
            f"the code is like programs for {entry.name} ({chance:.0%} by calibration)",
            (("probability", chance), ("threshold", self._model.threshold)),
        )


def with_rules(sight: Sight, found: Sequence[Evidence], code: str, catalogue: Catalogue) -> Joined:
    """Likeness with what the rules found as further columns."""
    rows = {entry.id: at for at, entry in enumerate(catalogue.techniques)}
    extra = np.zeros((len(rows), 3))
    for item in found:
        if (
            item.channel is Channel.STRUCTURE
            and item.technique in rows
            and item.relation is not Relation.TUNING
        ):
            weight = min(dict(item.numbers).get("rule weight", _RULE) / _RULE, 1.0)
            cell = (rows[item.technique], 0 if item.flags else 1)
            extra[cell] = max(extra[cell], weight)
        if item.channel is Channel.BEHAVIOUR and item.flags and item.technique in rows:
            extra[rows[item.technique], 2] = 1.0
    contradicted = any(e.channel is Channel.BEHAVIOUR and e.relation is Relation.UNMATCHED for e in found)
    nearest = sight.table[:, COLUMNS.index("nearest")].max()
    aside = (
        sight.odd_nearest,
        sight.odd_trained,
        nearest - sight.odd_nearest,
        sight.known_share,
        float(contradicted),
        float(not extra.any()),
        math.log1p(len(code)),
    )
    spread = sight.table[:, [COLUMNS.index(name) for name in _SPREAD]]
    spread = (spread - spread.mean(axis=0)) / (spread.std(axis=0) + _TINY)
    return Joined(np.concatenate([sight.table, extra, spread], axis=1), np.array(aside))


def all_signs(joined: Joined, scores: _Table, catalogue: Catalogue) -> _Table:
    """What the calibration looks at, shape (CALIBRATION,)."""
    return np.concatenate([signs(joined.table[:, : len(_SEEN)], scores, catalogue), joined.aside])
