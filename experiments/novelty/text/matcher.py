"""From features to a named technique and the probability that the name is right.

Two small models, both fitted by `fit.py` and stored in `model.json`:

1. A *ranking*: a linear score per technique.  Its coefficients are a conditional logit's, so the difference
   of two scores is the log odds between two techniques.
2. A *calibration*: a logistic regression on what the best technique looks like (each similarity as it is, how
   far it stands out among all techniques, its lead over the first technique of another family, its place;
   and the same of the score), which gives the probability that the first name is right.  Odd ideas have a
   first name as well, a wrong one: what tells them apart is that nothing stands out.

Above the threshold the first technique is flagged, below it is only `near`.  Not covered: techniques outside
the catalogue, claims in other languages than English, and whether a described change was really made: a probe
or the code may contradict the words.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from ..catalogue import Catalogue, Technique
from ..verdict import Channel, Evidence, Relation
from .features import FEATURES, Features, Index
from .mechanism import mechanism_of
from .minilm import Encoder
from .prose import is_tuning, parts_of, what_differs

__all__ = [
    "CALIBRATION",
    "MODEL_FILE",
    "SIGHTS",
    "STANDING",
    "Match",
    "Model",
    "TextMatcher",
    "load_models",
    "signs",
    "unrelated",
]

_Table: TypeAlias = npt.NDArray[np.float64]

MODEL_FILE: Final = Path(__file__).parent / "model.json"
SIGHTS: Final = ("", " stands out", " lead", " place")
STANDING: Final = ("score", "lead", "crowd", "share", "field", "spread")
CALIBRATION: Final = (*(name + sight for name in FEATURES for sight in SIGHTS), *STANDING)
"""What the calibration looks at; `signs` computes it."""
_CROWD: Final = 10  # runners-up whose mean score a clear winner is far above
_FIELD: Final = 50  # the place whose score is that of a technique that has nothing to do with the claim
_TINY: Final = 1e-6
_TOP: Final = 5
_MOST_TEXT: Final = 8_000  # characters read of a claim, and of its code; a claim of the usual kind has 300


@dataclass(frozen=True, slots=True)
class Model:
    """Coefficients: `ranking` by FEATURES, `calibration` by CALIBRATION, and the flag's threshold."""

    ranking: tuple[float, ...]
    calibration: tuple[float, ...]
    intercept: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Match:
    """One technique and the calibrated probability that it is what the claim describes."""

    technique: str
    probability: float


@cache
def load_models(file: Path = MODEL_FILE) -> tuple[Model, Model]:
    """The models with and without a sentence encoder."""
    raw = json.loads(file.read_bytes())
    with_encoder, without = (_model(raw[name]) for name in ("encoder", "words_only"))
    return with_encoder, without


class TextMatcher:
    """Names the technique that a claim describes; reads the catalogue once and is then quick."""

    def __init__(self, catalogue: Catalogue, encoder: Encoder | None, model: Model | None = None) -> None:
        self._catalogue = catalogue
        self._index = Index(catalogue, encoder)
        self._model = model or load_models()[0 if encoder else 1]

    @property
    def threshold(self) -> float:
        """The probability from which the first technique is flagged."""
        return self._model.threshold

    def match(self, text: str, k: int = 10, code: str = "") -> list[Match]:
        """The k likeliest techniques, best first; code in the text itself counts as code."""
        claim, inside = parts_of(text[:_MOST_TEXT])
        features = self._index.features(mechanism_of(claim), f"{inside}\n{code}"[:_MOST_TEXT])
        scores = features.table @ np.array(self._model.ranking)
        order = np.argsort(-scores)[:k]
        right = self._probability(features, scores)
        chances = right * np.exp(scores[order] - scores[order[0]])
        ids = [self._catalogue.techniques[at].id for at in order]
        return [Match(*pair) for pair in zip(ids, chances.tolist(), strict=True)]

    def evidence(self, text: str, code: str = "") -> Sequence[Evidence]:
        """At most five candidates; the first may flag, the others never do."""
        found = self.match(text, _TOP, code)
        known = bool(found) and found[0].probability >= self._model.threshold
        return [
            self._evidence(match, text, flagged=known and place == 0) for place, match in enumerate(found)
        ]

    def candidates(self, text: str, code: str = "") -> Sequence[str]:
        """Ids of the ten likeliest techniques, best first, however unlikely."""
        return [match.technique for match in self.match(text, code=code)]

    def _probability(self, features: Features, scores: _Table) -> float:
        seen = signs(features.table, scores, self._catalogue)
        odds = self._model.intercept + float(seen @ np.array(self._model.calibration))
        return 1.0 / (1.0 + math.exp(-max(min(odds, 30.0), -30.0)))

    def _evidence(self, match: Match, text: str, *, flagged: bool) -> Evidence:
        entry = self._catalogue.by_id[match.technique]
        differs = what_differs(text) if flagged else ""
        if not flagged:
            relation = Relation.NEAR
        elif is_tuning(entry):
            relation = Relation.TUNING
        else:
            relation = Relation.REPARAMETRISATION if differs else Relation.EQUAL
        chance = f"{match.probability:.0%}"
        summary = f"the claim reads like a description of {entry.name} ({chance} by calibration)"
        numbers = (("probability", match.probability), ("threshold", self._model.threshold))
        return Evidence(
            Channel.TEXT, relation, entry.id, match.probability, summary, numbers, what_differs=differs
        )


def signs(table: _Table, scores: _Table, catalogue: Catalogue) -> _Table:
    """How the best technique looks, by the columns of `table` and STANDING; of more than ten techniques.

    Of each feature of the best technique: its value, its distance from the mean of all techniques in standard
    deviations, its lead over the best technique of another family, and the logarithm of how many techniques
    have more of it. Of the score: its value, the same lead, the distances to the mean of the ten runners-up
    and to the fiftieth place, the winner's part of the ranking's probability, the spread of the first ten.
    """
    order = np.argsort(-scores)
    first = order[0]
    best, score = catalogue.techniques[first], float(scores[first])
    rival = next(at for at in order[1:] if unrelated(best, catalogue.techniques[at]))
    sights = np.stack(
        [
            table[first],
            (table[first] - table.mean(axis=0)) / (table.std(axis=0) + _TINY),
            table[first] - table[rival],
            np.log1p((table > table[first]).sum(axis=0)),
        ],
        axis=1,
    )
    shown = (
        score,
        score - float(scores[rival]),
        score - float(scores[order[1 : _CROWD + 1]].mean()),
        1.0 / float(np.exp(scores - score).sum()),
        score - float(scores[order[min(_FIELD, len(order) - 1)]]),
        float(scores[order[:_CROWD]].std()),
    )
    return np.concatenate([sights.ravel(), shown])


def unrelated(one: Technique, other: Technique) -> bool:
    """Whether two techniques are of different equivalence classes, and neither contains the other."""
    if one.equivalence_class is not None and one.equivalence_class == other.equivalence_class:
        return False
    return one.id not in other.special_case_of and other.id not in one.special_case_of


def _model(raw: dict[str, dict[str, float]]) -> Model:
    ranking, calibration = raw["ranking"], raw["calibration"]
    return Model(
        ranking=tuple(ranking[name] for name in FEATURES),
        calibration=tuple(calibration[name] for name in CALIBRATION),
        intercept=raw["flag"]["intercept"],
        threshold=raw["flag"]["threshold"],
    )
