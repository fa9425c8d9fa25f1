"""Words: sentences and tokens of a claim, and BM25 over texts (Robertson and Zaragoza 2009)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["BM25", "sentences", "tokens"]

_K1: Final = 1.2
_B: Final = 0.6
_MOST_SENTENCES: Final = 8
_LEAST_WORDS: Final = 4  # a shorter fragment says nothing alone and is joined to its neighbour
_MOST_CHARACTERS: Final = 1_200  # some 300 tokens, a tenth of a second; a claim has a quarter of that
_MOST_READ: Final = 20_000  # characters looked at
_SPLIT = re.compile(r"(?<=[.!?;:])\s+|\n+")
_WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)?")
_STOP_WORDS: Final = """
a an and are as at be but by can do each every for from has have i if in into is it its just more not of
on or our out so than that the their them then there these they this to very was we were what when where
which while will with you your all also any because been before between both could did does done down
during get gets got had he her here him his how let may me might much must my new no now off once one
only other over own s same she should some such t too under until up us way who why would
"""
_STOP = frozenset(_STOP_WORDS.split())


def sentences(text: str) -> list[str]:
    """The text's sentences, fragments joined; at most 8, and 1,200 characters together."""
    parts: list[str] = []
    for part in _SPLIT.split(text[:_MOST_READ].strip()):
        piece = " ".join(part.split())
        if parts and len(parts[-1].split()) < _LEAST_WORDS:
            parts[-1] += " " + piece
        elif piece:
            parts.append(piece)
    kept, left = [], _MOST_CHARACTERS
    for part in parts[:_MOST_SENTENCES]:
        if left > 0:
            kept.append(part[:left])
            left -= len(part)
    return kept


def tokens(text: str) -> list[str]:
    """Stems of the words that carry meaning."""
    lowered = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text.replace("_", " ")).lower()
    return [_stem(word) for word in _WORD.findall(lowered) if word not in _STOP]


def _stem(word: str) -> str:
    """A light stemmer: plural, -ing and -ed; enough for descriptions of mechanisms."""
    for ending, keep in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", "e"), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)] + keep
            break
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


class BM25:
    """Scores of documents for a query, by an inverted index."""

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        self._size = len(documents)
        lengths = np.array([len(document) for document in documents], np.float64)
        norm = _K1 * (1.0 - _B + _B * lengths / max(lengths.mean(), 1.0))
        postings: dict[str, list[tuple[int, float]]] = {}
        for index, document in enumerate(documents):
            for word, count in Counter(document).items():
                weight = count * (_K1 + 1.0) / (count + norm[index])
                postings.setdefault(word, []).append((index, weight))
        self._postings = {word: _frozen(found, self._size) for word, found in postings.items()}

    def scores(self, query: Sequence[str]) -> npt.NDArray[np.float64]:
        """BM25 score of every document, shape (documents,), as a share of the query's greatest possible."""
        total, most = np.zeros(self._size), 0.0
        for word in set(query):
            found = self._postings.get(word)
            if found is None:
                most += math.log(1.0 + 2.0 * self._size)
                continue
            indices, weights, rarity = found
            total[indices] += rarity * weights
            most += rarity * (_K1 + 1.0)
        return total / most if most else total


def _frozen(
    found: list[tuple[int, float]], size: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64], float]:
    rarity = math.log(1.0 + (size - len(found) + 0.5) / (len(found) + 0.5))
    indices = np.array([index for index, _ in found], np.intp)
    return indices, np.array([weight for _, weight in found]), rarity
