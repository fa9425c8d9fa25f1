"""The checker: look at one query through every channel and fuse what they see.

`Checker` is loaded once a process and may be slow to load (numpy, scipy, the text index; torch when code is
to be run), so daemon and CLI talk to it in a worker process (`python -P -m experiments.novelty`), never here.

What a channel cannot look at it leaves out.  A slot that behaves as the reference's is no change and is not
held against anybody.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from .artefact import Query
from .catalogue import Catalogue, load_catalogue
from .fusion import fuse
from .probes.init_weights import probe_init_weights
from .probes.report import not_probed
from .probes.schedule import probe_schedule
from .slots import probe_slot
from .verdict import Evidence, Relation, Verdict

__all__ = ["Checker", "TextChannel"]


class TextChannel(Protocol):
    """What the checker needs of the text channel."""

    def evidence(self, text: str) -> Sequence[Evidence]:
        """Candidates for a claim's words, best first; flags only above the calibrated threshold."""


class Checker:
    """Recognises known techniques; see the module.  `text` may be absent: then words are not judged."""

    def __init__(self, catalogue: Catalogue | None = None, text: TextChannel | None = None) -> None:
        self._catalogue = catalogue or load_catalogue()
        self._text = text

    def check(self, query: Query) -> Verdict:
        """The fused verdict on one query; never raises for what the query says."""
        evidence = [*_behaviour(query), *self._words(query)]
        return fuse(evidence, self._catalogue)

    def _words(self, query: Query) -> Sequence[Evidence]:
        return self._text.evidence(query.claim) if self._text and query.claim.strip() else ()


def _behaviour(query: Query) -> list[Evidence]:
    found: list[Evidence] = []
    reference = dict(query.reference)
    for slot, text in query.expressions:
        seen = probe_slot(slot, text, query.layers)
        if slot in reference and _same(seen[0], probe_slot(slot, reference[slot], query.layers)[0]):
            seen = (not_probed(f"slot {slot}: it does the same as the reference"),)
        found += seen
    if query.weights:
        found += probe_init_weights(query.weights)
    if query.lr_log:
        found += probe_schedule(np.array(query.lr_log))
    return found


def _same(one: Evidence, other: Evidence) -> bool:
    """Whether two artefacts measured the same, by everything that was measured."""
    if (one.relation, one.technique, one.mode) != (other.relation, other.technique, other.mode):
        return False
    if one.relation is Relation.NOT_PROBED:
        return one.summary == other.summary
    numbers = zip(one.numbers, other.numbers, strict=False)
    return all(math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-6) for (_, a), (_, b) in numbers)
