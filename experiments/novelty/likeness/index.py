"""What is measured between a program and every technique: likeness to the programs of many authors.

Each group of features (`features.py`) becomes a unit vector of tf-idf weights.  `Index.look` gives of each
technique

    the groups  cosine with the technique's likeliest program in that group alone
    nearest     mean of those cosines over all groups, for the likeliest program
    second      the same for the second likeliest: two authors are no accident
    trained     cosine with the technique's mean in a space where one technique's programs lie close together
    sibling     cosine with the technique's nearest program there
    texts       BM25 of the program's words in the descriptions and sayings of the technique

The space is a linear discriminant analysis (Fisher 1936; Rao 1948) of the leading directions of the programs'
similarities: directions in which programs of one technique differ by author are shrunk.  It learns from all
techniques together what authors change freely, which three programs of one technique could not show.

A technique without a program has texts only.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ..catalogue import Catalogue
from ..text.sayings import load_sayings
from ..text.words import BM25, tokens
from .features import GROUPS, Features, features_of

__all__ = ["COLUMNS", "INDEX_FILE", "Index", "Sight", "Stored", "read_index", "sparse_of"]

_Table: TypeAlias = npt.NDArray[np.float64]
_Floats: TypeAlias = npt.NDArray[np.float32]

INDEX_FILE: Final = Path(__file__).parent / "index.npz"
COLUMNS: Final = (*GROUPS, "nearest", "second", "trained", "sibling", "texts")
_STEP: Final = 16.0  # steps of one unit of a stored count's weight
_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Stored:
    """The programs as counted features, and the trained space.

    `keys` (features,) are sorted hashes and `group` (features,) their groups; `weights` (programs, features)
    hold 1 + log(count); `owner` (programs,) the technique's row, -1 for odd programs, which are kept last.
    `into` (programs, width) maps similarities with the programs to the trained space, `places` (programs,
    width) are the programs there.
    """

    keys: npt.NDArray[np.uint32]
    group: npt.NDArray[np.uint8]
    weights: sp.csr_matrix
    owner: npt.NDArray[np.int16]
    into: _Floats
    places: _Floats


@dataclass(frozen=True, slots=True)
class Sight:
    """Of one program: `table` of shape (techniques, COLUMNS), and how near the nearest odd programs are."""

    table: _Table
    odd_nearest: float
    odd_trained: float
    known_share: float
    """Share of its features that some other program has."""


class Index:
    """The programs ready to be compared with; a tenth of a second to make."""

    def __init__(self, stored: Stored, catalogue: Catalogue) -> None:
        self._keys, self._group = stored.keys, stored.group
        self._owner = stored.owner
        self._techniques = len(catalogue)
        present = stored.weights.getnnz(axis=0)
        self._idf = np.log(1.0 + len(stored.owner) / np.maximum(present, 1)).astype(np.float32)
        self._inverted = scaled(stored.weights, self._idf, self._group).tocsc()
        self._into = stored.into
        means = self._mean_places(stored.places)
        written = np.linalg.norm(means, axis=1) > 0.0
        self._centre = means[written].mean(axis=0)
        self._means = _unit((means - self._centre) * written[:, None])
        self._places = _unit(stored.places - self._centre)
        said = load_sayings()
        self._texts = BM25(
            [
                tokens(" ".join((*entry.names, *entry.descriptions, *said.get(entry.id, ()))))
                for entry in catalogue.techniques
            ]
        )

    def look(self, code: str) -> Sight:
        """Compare a program with every technique."""
        features = features_of(code)
        by_group, share = self._similarities(features)
        total = by_group.mean(axis=0)
        place = _unit((total @ self._into - self._centre)[None, :])[0]
        beside = self._places @ place
        odd = self._owner < 0
        nearest, second = self._two_best(total)
        columns = (
            *(self._best(one) for one in by_group),
            nearest,
            second,
            self._means @ place,
            self._best(beside),
            self._texts.scores(tokens(code)),
        )
        return Sight(
            np.stack(columns, axis=1).astype(np.float64),
            float(total[odd].max(initial=0.0)),
            float(beside[odd].max(initial=0.0)),
            share,
        )

    def _mean_places(self, places: _Floats) -> _Floats:
        """The mean of each technique's programs in the trained space; zeros where there is none."""
        known = self._owner >= 0
        sums = np.zeros((self._techniques, places.shape[1]), np.float32)
        np.add.at(sums, self._owner[known], places[known])
        count = np.bincount(self._owner[known], minlength=self._techniques)
        return (sums / np.maximum(count, 1)[:, None]).astype(np.float32)

    def _similarities(self, features: Features) -> tuple[_Table, float]:
        """Cosines with every program, shape (GROUPS, programs), and the share of features that are known."""
        at, weight, missing = _located(features, self._keys)
        found = np.zeros((len(GROUPS), len(self._owner)))
        value = weight * self._idf[at]
        groups = self._group[at]
        lengths = np.sqrt(np.bincount(groups, value**2, minlength=len(GROUPS))) + _TINY
        matrix = self._inverted
        for column, amount, group in zip(at, value / lengths[groups], groups, strict=True):
            start, end = matrix.indptr[column], matrix.indptr[column + 1]
            found[group, matrix.indices[start:end]] += amount * matrix.data[start:end]
        return found, len(at) / max(len(at) + missing, 1)

    def _best(self, values: _Table) -> _Table:
        best = np.zeros(self._techniques)
        known = self._owner >= 0
        np.maximum.at(best, self._owner[known], values[known])
        return best

    def _two_best(self, values: _Table) -> tuple[_Table, _Table]:
        """Of each technique the two likeliest programs' values; 0 where there is none."""
        known = np.flatnonzero(self._owner >= 0)
        order = known[np.lexsort((-values[known], self._owner[known]))]
        owners = self._owner[order]
        first = np.r_[True, owners[1:] != owners[:-1]]
        after = np.r_[False, first[:-1]] & ~first
        found = np.zeros((2, self._techniques))
        found[0, owners[first]] = values[order[first]]
        found[1, owners[after]] = values[order[after]]
        return found[0], found[1]


def scaled(weights: sp.csr_matrix, idf: _Floats, group: npt.NDArray[np.uint8]) -> sp.csr_matrix:
    """The weights times idf, each row of unit length in every group."""
    found = (weights @ sp.diags(idf)).tocsr()
    rows = np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))
    cell = rows * len(GROUPS) + group[found.indices]
    lengths = np.sqrt(np.bincount(cell, found.data.astype(np.float64) ** 2, found.shape[0] * len(GROUPS)))
    found.data = (found.data / (lengths[cell] + _TINY)).astype(np.float32)
    return found


def sparse_of(features: Sequence[Features], keys: npt.NDArray[np.uint32]) -> sp.csr_matrix:
    """Weights of some programs by the features in `keys`, shape (programs, features)."""
    places = [_located(one, keys)[:2] for one in features]
    starts = np.cumsum([0, *(len(at) for at, _ in places)])
    at = np.concatenate([at for at, _ in places])
    weight = np.concatenate([weight for _, weight in places])
    return sp.csr_matrix((weight, at, starts), (len(features), len(keys)))


def keys_of(features: Features) -> list[tuple[int, int, float]]:
    """(hash, group, weight) of each feature: 1 + log(count)."""
    return [
        (zlib.crc32(f"{number}{key}".encode()), number, 1.0 + float(np.log(n)) if n >= 1.0 else float(n))
        for number, group in enumerate(GROUPS)
        for key, n in Counter(features[group]).items()
        if n > 0
    ]


def _located(features: Features, keys: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.intp], _Floats, int]:
    """Places in `keys` and weights of the features that are there, and how many are not."""
    found = keys_of(features)
    hashes = np.array([one[0] for one in found], np.uint32)
    weights = np.array([one[2] for one in found], np.float32)
    at = np.minimum(np.searchsorted(keys, hashes), len(keys) - 1)
    here = keys[at] == hashes
    order = np.argsort(at[here])
    return at[here][order], weights[here][order], int((~here).sum())


def _unit(rows: npt.NDArray[np.floating]) -> _Floats:
    unit: _Floats = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _TINY)).astype(np.float32)
    return unit


def read_index(file: Path = INDEX_FILE) -> Stored:
    """The shipped index."""
    with np.load(file, allow_pickle=False) as stored:
        shape = (len(stored["owner"]), len(stored["keys"]))
        gaps, starts = stored["gaps"].astype(np.int64), stored["starts"]
        at = np.cumsum(gaps)
        at -= np.repeat(at[starts[:-1]] - gaps[starts[:-1]], np.diff(starts))
        weights = sp.csr_matrix((stored["weights"].astype(np.float32) / _STEP, at, starts), shape)
        into, places = (
            stored[name].astype(np.float32) * stored[f"{name}_scale"] for name in ("into", "places")
        )
        return Stored(stored["keys"], stored["group"], weights, stored["owner"], into, places)


def write_index(stored: Stored, file: Path = INDEX_FILE) -> None:
    """Store in few bytes: gaps between places, weights in sixteenths, the space in eight bits."""
    weights = stored.weights.tocsr()
    gaps = np.diff(weights.indices.astype(np.int64), prepend=0)
    starts = weights.indptr[:-1]
    gaps[starts] = weights.indices[starts]
    tables: dict[str, npt.NDArray[np.generic]] = {
        "keys": stored.keys,
        "group": stored.group,
        "owner": stored.owner,
        "starts": weights.indptr.astype(np.int32),
        "gaps": gaps.astype(np.uint32),
        "weights": np.round(weights.data * _STEP).astype(np.uint8),
    }
    for name, table in (("into", stored.into), ("places", stored.places)):
        scale = np.abs(table).max(axis=0) / 127.0
        tables |= {name: np.round(table / scale).astype(np.int8), f"{name}_scale": scale.astype(np.float32)}
    # numpy's stub takes any name for its own flag
    np.savez_compressed(file, **tables)  # type: ignore[arg-type]
