"""Build the index of programs: `index_of` in memory; `fit.py` writes the shipped file with it.

The space: K are the mean cosines between all programs that have a technique.  Its leading eigenvectors give
each program a place; of these places the scatter within techniques, a little of its own size added to every
direction, is made round.  All of it is linear in a program's similarities with the stored programs, so that
one matrix takes a new program there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.linalg

from .features import GROUPS, Features
from .index import Stored, keys_of, scaled, sparse_of

__all__ = ["index_of"]

_LEAST: Final = 2  # programs that a feature has to occur in
_WIDTH: Final = 400  # directions
_RIDGE: Final = 0.05  # of the mean scatter within techniques, in each direction
_TINY: Final = 1e-9  # where all programs of a technique are the same


def index_of(features: Sequence[Features], owner: Sequence[int]) -> Stored:
    """The index of programs; `owner` is each one's row among the techniques, -1 for odd ones."""
    keys, group = _vocabulary(features)
    weights = sparse_of(features, keys)
    owners = np.array(owner, np.int16)
    present = weights.getnnz(axis=0)
    idf = np.log(1.0 + len(owner) / np.maximum(present, 1)).astype(np.float32)
    unit = scaled(weights, idf, group)
    alike = (unit @ unit.T).toarray().astype(np.float32) / np.float32(len(GROUPS))
    into = _space(alike, owners)
    places = (alike @ into).astype(np.float32)
    return Stored(keys, group, weights, owners, into, places)


def _vocabulary(features: Sequence[Features]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    seen: Counter[int] = Counter()
    group: dict[int, int] = {}
    for one in features:
        found = keys_of(one)
        seen.update({key for key, _, _ in found})
        group.update((key, number) for key, number, _ in found)
    kept = sorted(key for key, n in seen.items() if n >= _LEAST)
    return np.array(kept, np.uint32), np.array([group[key] for key in kept], np.uint8)


def _space(alike: npt.NDArray[np.float32], owner: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    """From similarities with all programs (odd ones count nothing) to the space, shape (programs, width)."""
    known = np.flatnonzero(owner >= 0)
    within = alike[np.ix_(known, known)]
    size = min(_WIDTH, len(known) - 1)
    values, vectors = scipy.linalg.eigh(within, subset_by_index=(len(known) - size, len(known) - 1))
    kept = values > 1e-6 * values[-1]
    rise = vectors[:, kept] / np.sqrt(values[kept])
    places = within @ rise
    owners = owner[known]
    count = np.bincount(owners)
    sums = np.zeros((len(count), places.shape[1]))
    np.add.at(sums, owners, places)
    means = sums / np.maximum(count, 1)[:, None]
    apart = places - means[owners]
    scatter = apart.T @ apart / len(known)
    scatter += (_RIDGE * np.trace(scatter) / len(scatter) + _TINY) * np.eye(len(scatter))
    round_ = scipy.linalg.solve_triangular(np.linalg.cholesky(scatter), np.eye(len(scatter)), lower=True).T
    into = np.zeros((len(owner), round_.shape[1]), np.float32)
    into[known] = rise @ round_
    return into
