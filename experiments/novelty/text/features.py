"""What the text channel measures between a claim and every technique, as a table of numbers.

    claim     cosine of the claim's mean sentence vector with the nearest description
    sentence  cosine of the nearest pair of a sentence and a description
    several   mean of the three nearest descriptions' cosines: one lucky sentence is not enough
    centre    cosine of the claim with the mean of the technique's descriptions
    phrase    BM25 of the claim in its best description
    words     BM25 of the claim in all the technique's texts together: words from several angles add up
    code      BM25 of the identifiers and comments of code in the technique's texts
    named     1 where the claim says an unambiguous name of the technique
    category  share of the nearest descriptions, by words and vectors, that belong to its category

A technique's sayings (`sayings.py`) count as descriptions here. Names take part in `words` and `named` alone:
measured on paraphrases they find one technique in fifteen. Without an encoder the four cosines are zero and
another set of coefficients is used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from ..catalogue import Catalogue, alias_key
from .minilm import WIDTH, Encoder, Floats
from .sayings import load_sayings
from .vectors import vectors_of
from .words import BM25, sentences, tokens

__all__ = ["FEATURES", "Features", "Index"]

FEATURES: Final = (
    "claim", "sentence", "several", "centre", "phrase", "words", "code", "named", "category",
)  # fmt: skip
_Table: TypeAlias = npt.NDArray[np.float64]

_SEVERAL: Final = 3
_NEAREST: Final = 12  # descriptions that vote for a category
_NAME_WORDS: Final = 6  # longest name looked for in a claim
_LEAST_NAME: Final = 4  # characters; shorter names (`sam`, `dog`) are words of other things
_EVERYDAY: Final = 2  # a one-word name that more entries' descriptions use is a common noun (`convolution`)
_TINY: Final = 1e-9
_RIVAL_WORDS: Final = """
beat beats than instead unlike replace replaces replacing replaced versus vs over from not no without
outperforms matches need tuned removed removing
"""
_RIVAL = frozenset(_RIVAL_WORDS.split())
"""A name soon after one of these is what the claim compares itself with."""
_BEFORE: Final = 3  # words
_NAME_WORD = re.compile(r"[^\W_]+(?:\+\+)?")


@dataclass(frozen=True, slots=True)
class Features:
    """Of one claim: `table` of shape (techniques, FEATURES)."""

    table: _Table


class Index:
    """The catalogue's descriptions and the sayings, ready to be compared with; costs a third of a second."""

    def __init__(
        self,
        catalogue: Catalogue,
        encoder: Encoder | None,
        sayings: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        entries = catalogue.techniques
        said = load_sayings() if sayings is None else sayings
        told = [(*entry.descriptions, *said.get(entry.id, ())) for entry in entries]
        texts = [text for one in told for text in one]
        self._encoder = encoder
        self._owner = np.array([at for at, one in enumerate(told) for _ in one], np.intp)
        self._starts = np.searchsorted(self._owner, np.arange(len(entries)))
        self._vectors = vectors_of(texts, encoder) if encoder else np.zeros((len(texts), WIDTH), np.float32)
        self._phrases = BM25([tokens(text) for text in texts])
        self._words = BM25(
            [tokens(" ".join((*entry.names, *one))) for entry, one in zip(entries, told, strict=True)]
        )
        categories = list(catalogue.by_category)
        self._category = np.array([categories.index(entry.category) for entry in entries], np.intp)
        self._centres = _unit(np.add.reduceat(self._vectors, self._starts, axis=0))
        self._names = _name_owners(catalogue)

    def features(self, claim: str, code: str = "") -> Features:
        """Compare a claim, and the words of its code, with every technique."""
        words = tokens(claim)
        phrase = self._phrases.scores(words)
        vectors = self._encode(claim)
        whole = vectors.mean(axis=0, keepdims=True)
        whole /= max(float(np.linalg.norm(whole)), _TINY)
        nearest = (vectors @ self._vectors.T).max(axis=0)
        columns = (
            self._best((whole @ self._vectors.T)[0]),
            self._best(nearest),
            self._several(nearest),
            (whole @ self._centres.T)[0],
            self._best(phrase),
            self._words.scores(words),
            self._words.scores(tokens(code)),
            self._named(claim),
            self._category_share(nearest, phrase),
        )
        return Features(np.stack(columns, axis=1).astype(np.float64))

    def _encode(self, claim: str) -> Floats:
        found = sentences(claim) if self._encoder else []
        return self._encoder.encode(found) if self._encoder and found else np.zeros((1, WIDTH), np.float32)

    def _best(self, scores: _Table) -> _Table:
        """The best of each technique's descriptions."""
        best: _Table = np.maximum.reduceat(scores, self._starts)
        return best

    def _several(self, scores: _Table) -> _Table:
        """Mean of each technique's few best descriptions."""
        order = np.lexsort((-scores, self._owner))
        place = np.arange(len(scores)) - self._starts[self._owner]
        kept = np.where(place < _SEVERAL, scores[order], 0.0)
        total: _Table = np.add.reduceat(kept, self._starts)
        return total / np.add.reduceat(place < _SEVERAL, self._starts)

    def _named(self, claim: str) -> _Table:
        """1 for the techniques whose name the claim says; a longer name hides the shorter ones inside it."""
        found = np.zeros(len(self._starts))
        words = _NAME_WORD.findall(claim)
        at = 0
        while at < len(words):
            lengths = range(min(_NAME_WORDS, len(words) - at), 0, -1)
            keys = (alias_key("".join(words[at : at + length])) for length in lengths)
            length, key = next(
                ((n, k) for n, k in zip(lengths, keys, strict=True) if k in self._names), (1, "")
            )
            if key and not _RIVAL.intersection(word.lower() for word in words[max(at - _BEFORE, 0) : at]):
                found[self._names[key]] = 1.0
            at += length
        return found

    def _category_share(self, nearest: _Table, phrase: _Table) -> _Table:
        close = np.argsort(-(nearest + phrase))[:_NEAREST]
        votes = np.bincount(self._category[self._owner[close]], minlength=int(self._category.max()) + 1)
        share: _Table = votes[self._category] / _NEAREST
        return share


def _name_owners(catalogue: Catalogue) -> dict[str, int]:
    """Names by which a claim can be recognised: of one technique, and not an everyday word."""
    plain: Counter[str] = Counter()
    for entry in catalogue.techniques:
        plain.update({word for text in entry.descriptions for word in text.lower().split()})
    owners: dict[str, int] = {}
    for at, entry in enumerate(catalogue.techniques):
        for name in entry.names:
            key = alias_key(name)
            if len(key) >= _LEAST_NAME and (" " in name or plain[name.lower()] <= _EVERYDAY):
                owners[key] = at
    return owners


def _unit(rows: Floats) -> Floats:
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _TINY)
    return unit
