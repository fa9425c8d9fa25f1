"""Recognise an initialiser from the weights it left behind.

Three questions, each answered from the numbers alone:

- the *law*: log standard deviation of each matrix against its fans (`init_law`), with the sampling error of
  each layer allowed for;
- the *family*: pooled kurtosis and largest value of the standardised weights separate normal (3), uniform
  (1.8), normal truncated at two standard deviations (2.1 or 2.4, by where it was cut), a logistic or
  Laplace (more), two-point (1);
- the *structure*: zeros, identity, orthogonality (Gram matrix of at most 192 rows against a multiple of the
  identity), sparsity, dependence on nothing at all (a constant).

Names are never looked at.  Not covered: initialisers that read data (LSUV and its kin), and biases.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..verdict import Evidence, Relation
from .init_law import StdRow, probe_init_table
from .init_laws import GAIN_TOLERANCE, Layer
from .report import behaviour, not_probed

__all__ = ["WeightSample", "probe_init_weights", "weight_family"]

Array = NDArray[np.float64]

_MIN_ENTRIES = 64  # a matrix with fewer weights says nothing about a distribution
_GRAM_ROWS = 192  # enough to see orthogonality; a full 1,024-wide product was the whole cost
_ORTHOGONAL = 1e-3  # largest entry of Gram/c - I; a random matrix of this size has about 0.3
_CUT_STD = 0.8796  # standard deviation of a unit normal cut at plus and minus two
_SPARSE = 0.05  # share of exact zeros from which an initialiser counts as sparse


@dataclass(frozen=True, slots=True)
class WeightSample:
    """Initial weights of one layer, shape (fan_out, fan_in), and where they stand in the network."""

    weights: Array
    layer: Layer


@dataclass(frozen=True, slots=True)
class _Shape:
    """Moments of the pooled, standardised weights."""

    kurtosis: float
    largest: float
    entries: int


def probe_init_weights(samples: Sequence[WeightSample]) -> tuple[Evidence, ...]:
    """Name the initialiser behind real weight matrices; best evidence first."""
    usable = [s for s in samples if s.weights.size >= _MIN_ENTRIES and bool(np.all(np.isfinite(s.weights)))]
    if not usable:
        return (not_probed("no weight matrix with at least 64 finite entries"),)
    structured = _structured(usable)
    if structured is not None:
        return (structured,)
    density = float(np.mean([np.count_nonzero(s.weights) / s.weights.size for s in usable]))
    shape = _pooled_shape(usable)
    found = _law(usable, shape)
    if density < 1.0 - _SPARSE:
        return (_sparse(usable, density), *found)
    return (_with_family(found[0], shape), *found[1:])


def weight_family(shape_kurtosis: float, largest: float, entries: int) -> str:
    """The distribution family with these standardised moments, or "" if it is none of the usual.

    The kurtosis of `entries` normal draws has a standard error of sqrt(24/entries); four of them are allowed,
    and at least 0.12, because sums of twelve uniforms (kurtosis 2.9) are used as normals.
    """
    slack = max(0.12, 4.0 * math.sqrt(24.0 / entries))
    if abs(shape_kurtosis - 1.8) <= min(slack, 0.15) and largest <= 1.80:
        return "uniform"
    if largest <= 2.35 and abs(shape_kurtosis - 2.37) <= min(slack, 0.2) and entries >= 1000:
        return "truncated normal"
    if abs(shape_kurtosis - 3.0) <= slack:
        return "normal"
    if abs(shape_kurtosis - 1.0) <= 0.01:
        return "two-point"
    return ""


# --- structure ------------------------------------------------------------------------------------------


def _structured(samples: Sequence[WeightSample]) -> Evidence | None:
    """Zero, constant, identity and orthogonal weights, which have no distribution to speak of."""
    weights = [sample.weights for sample in samples]
    if all(not np.any(w) for w in weights):
        return behaviour(Relation.EQUAL, "zero_init", "every weight is zero")
    if all(float(np.ptp(w)) == 0.0 for w in weights):
        value = float(weights[0].flat[0])
        return behaviour(
            Relation.SPECIAL_CASE,
            "constant_init",
            f"every weight is {value:.4g}",
            differs=f"value {value:.3g}",
        )
    if all(_is_identity(w) for w in weights):
        return behaviour(Relation.EQUAL, "identity_init", "ones on the diagonal, zeros elsewhere")
    if all(_is_block_identity(w) for w in weights):
        return behaviour(
            Relation.REPARAMETRISATION, "identity_init", "a scaled or signed identity", differs="rescaled"
        )
    return _orthogonal(weights)


def _is_identity(weights: Array) -> bool:
    return bool(np.array_equal(weights, np.eye(*weights.shape)))


def _is_block_identity(weights: Array) -> bool:
    """One non-zero entry a row or column, on the diagonal, all of one size."""
    diagonal = np.diagonal(weights)
    rest = np.count_nonzero(weights) - np.count_nonzero(diagonal)
    return rest == 0 and bool(np.ptp(np.abs(diagonal)) <= 1e-6 * abs(diagonal[0])) and diagonal[0] != 0.0


def _orthogonal(weights: Sequence[Array]) -> Evidence | None:
    scales = [_orthogonal_scale(w) for w in weights]
    kept = [scale for scale in scales if scale is not None]
    if len(kept) < len(weights) or not kept:
        return None
    gain = float(np.median(kept))
    if max(kept) / min(kept) > 1.0 + GAIN_TOLERANCE:
        return behaviour(
            Relation.REPARAMETRISATION,
            "orthogonal_init",
            f"orthogonal, singular values from {min(kept):.4g} to {max(kept):.4g} over layers",
            differs="scale changes from layer to layer",
        )
    numbers = (("singular value", gain), ("matrices", float(len(kept))))
    summary = f"rows or columns are orthogonal, every singular value {gain:.4g}"
    for canonical, mode in ((1.0, ""), (math.sqrt(2.0), "ReLU gain sqrt(2)")):
        if abs(gain / canonical - 1.0) <= GAIN_TOLERANCE:
            return behaviour(Relation.EQUAL, "orthogonal_init", summary, numbers=numbers, mode=mode)
    return behaviour(Relation.REPARAMETRISATION, "orthogonal_init", summary, numbers=numbers, gain=gain)


def _orthogonal_scale(weights: Array) -> float | None:
    """The common singular value of a (partial) isometry, or None if it is not one."""
    wide = weights if weights.shape[0] <= weights.shape[1] else weights.T
    if wide.shape[0] < 2:
        return None
    rows = wide[:_GRAM_ROWS]
    gram = rows @ rows.T
    scale = float(np.mean(np.diagonal(gram)))
    if scale <= 0.0 or float(np.max(np.abs(gram / scale - np.eye(len(rows))))) > _ORTHOGONAL:
        return None
    return math.sqrt(scale)


def _sparse(samples: Sequence[WeightSample], density: float) -> Evidence:
    kept = np.concatenate([s.weights[s.weights != 0.0] for s in samples])
    spread = float(np.std(kept))
    summary = f"{1.0 - density:.0%} of the weights are exactly zero, the others have std {spread:.3g}"
    numbers = (("share of zeros", 1.0 - density), ("std of the rest", spread))
    return behaviour(
        Relation.SPECIAL_CASE, "sparse_init", summary, numbers=numbers, differs=f"{1.0 - density:.0%} zeros"
    )


# --- distribution ---------------------------------------------------------------------------------------


def _pooled_shape(samples: Sequence[WeightSample]) -> _Shape:
    scaled = [
        (s.weights / std).ravel() for s in samples if (std := float(np.sqrt(np.mean(s.weights**2)))) > 0.0
    ]
    pooled = np.concatenate(scaled)
    return _Shape(float(np.mean(pooled**4)), float(np.max(np.abs(pooled))), int(pooled.size))


def _law(samples: Sequence[WeightSample], shape: _Shape) -> tuple[Evidence, ...]:
    """The law of the standard deviations; for cut normals also of the standard deviation before the cut."""
    rows = [_row(sample, shape) for sample in samples]
    found = probe_init_table(rows)
    cut = weight_family(shape.kurtosis, shape.largest, shape.entries) == "truncated normal"
    if not cut or found[0].relation is Relation.EQUAL:
        return found
    before = probe_init_table([replace(row, std=row.std / _CUT_STD) for row in rows])
    return before if before[0].relation is Relation.EQUAL else found


def _row(sample: WeightSample, shape: _Shape) -> StdRow:
    """Root mean square about zero, with the standard error of its logarithm for this kurtosis."""
    std = float(np.sqrt(np.mean(sample.weights**2)))
    error = 0.5 * math.sqrt(max(shape.kurtosis - 1.0, 0.0) / sample.weights.size)
    return StdRow(sample.layer, std, error)


def _with_family(item: Evidence, shape: _Shape) -> Evidence:
    """Add the family to the mode; an unusual family turns an exact law into a variant."""
    family = weight_family(shape.kurtosis, shape.largest, shape.entries)
    numbers = (*item.numbers, ("kurtosis", shape.kurtosis), ("largest standardised weight", shape.largest))
    if not item.flags:
        return replace(item, numbers=numbers)
    if family and family != "two-point":
        mode = f"{item.mode}, {family}" if item.mode else family
        return replace(item, numbers=numbers, mode=mode)
    words = family or f"unusual distribution, kurtosis {shape.kurtosis:.2f}"
    differs = f"{item.what_differs}, {words}" if item.what_differs else words
    return replace(item, relation=Relation.REPARAMETRISATION, numbers=numbers, what_differs=differs)
