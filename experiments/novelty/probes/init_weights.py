"""Recognise an initialiser from the weights it left behind.

Each matrix is first reduced to a dozen numbers (`summarise_weights`), where the weights are; the numbers
travel, the weights do not.  Three questions are then answered from the numbers alone:

- the *law*: log root mean square of each matrix against its fans (`init_law`), with the sampling error of
  each layer allowed for;
- the *family*: kurtosis and largest value of the standardised weights separate normal (3), uniform (1.8),
  normal cut at two standard deviations (2.37), two-point (1) and anything else;
- the *structure*: zeros, one constant, identity, orthogonality (Gram matrix of at most 192 rows against a
  multiple of the identity), sparsity.

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
from .report import behaviour, not_probed, unmatched

__all__ = ["WeightSummary", "probe_init_weights", "summarise_weights", "weight_family"]

Array = NDArray[np.float64]

_MIN_ENTRIES = 64  # a matrix with fewer weights says nothing about a distribution
_GRAM_ROWS = 192  # enough to see orthogonality; a full 1,024-wide product was the whole cost
_ORTHOGONAL = 1e-3  # largest entry of Gram/c - I; a random matrix of this size has about 0.3
_CUT_STD = 0.8796  # standard deviation of a unit normal cut at plus and minus two
_SPARSE = 0.05  # share of exact zeros from which an initialiser counts as sparse


@dataclass(frozen=True, slots=True)
class WeightSummary:
    """What one initial weight matrix of shape (fan_out, fan_in) looked like.

    `rms` is about zero; `fourth` is the mean fourth power over rms^4; `largest` the largest size over rms;
    `spread` the largest minus the smallest weight; `off_gram` the largest entry of |Gram/c - I| over the
    first rows of the shorter side and `isometry` the singular value sqrt(c) that goes with it; `off_eye`
    the largest deviation from an identity matrix scaled by the first diagonal entry `corner`.
    """

    layer: Layer
    entries: int
    zeros: int
    rms: float
    fourth: float
    largest: float
    spread: float
    off_gram: float
    isometry: float
    corner: float
    off_eye: float

    @property
    def usable(self) -> bool:
        return self.entries >= _MIN_ENTRIES and math.isfinite(self.rms)


def summarise_weights(weights: Array, layer: Layer) -> WeightSummary:
    """Reduce a weight matrix of shape (fan_out, fan_in) to the numbers that the probe looks at."""
    matrix = np.asarray(weights, dtype=np.float64)
    rms = float(np.sqrt(np.mean(matrix**2)))
    scaled = matrix / rms if rms > 0.0 and math.isfinite(rms) else np.zeros_like(matrix)
    off_gram, isometry = _gram(matrix)
    corner = float(matrix[0, 0])
    return WeightSummary(
        layer=layer,
        entries=int(matrix.size),
        zeros=int(matrix.size - np.count_nonzero(matrix)),
        rms=rms,
        fourth=float(np.mean(scaled**4)),
        largest=float(np.max(np.abs(scaled))),
        spread=float(np.ptp(matrix)),
        off_gram=off_gram,
        isometry=isometry,
        corner=corner,
        off_eye=float(np.max(np.abs(np.abs(matrix) - abs(corner) * np.eye(*matrix.shape)))),
    )


def probe_init_weights(summaries: Sequence[WeightSummary]) -> tuple[Evidence, ...]:
    """Name the initialiser behind summarised weight matrices; best evidence first."""
    usable = [item for item in summaries if item.usable]
    if not usable:
        return (not_probed("no weight matrix with at least 64 finite entries"),)
    structured = _structured(usable)
    if structured is not None:
        return (structured,)
    share = sum(item.zeros for item in usable) / sum(item.entries for item in usable)
    family = _family(usable)
    found = _law(usable, family)
    if share > _SPARSE:
        return (_sparse(share), *found)
    return (_with_family(found[0], family, usable), *found[1:])


def weight_family(fourth: float, largest: float, entries: int) -> str:
    """The distribution family with these standardised moments, or "" if it is none of the usual.

    The fourth moment of `entries` normal draws has a standard error of sqrt(24/entries); four of them are
    allowed, and at least 0.12, because sums of twelve uniforms (2.9) are used as normals.
    """
    slack = max(0.12, 4.0 * math.sqrt(24.0 / entries))
    if abs(fourth - 1.8) <= min(slack, 0.15) and largest <= 1.80:
        return "uniform"
    if largest <= 2.35 and abs(fourth - 2.37) <= min(slack, 0.2) and entries >= 1000:
        return "truncated normal"
    if abs(fourth - 3.0) <= slack:
        return "normal"
    if abs(fourth - 1.0) <= 0.01:
        return "two-point"
    return ""


# --- structure ------------------------------------------------------------------------------------------


def _gram(matrix: Array) -> tuple[float, float]:
    """How far the rows of the shorter side are from orthogonal rows of one length, and that length."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    rows = wide[:_GRAM_ROWS]
    gram = rows @ rows.T
    scale = float(np.mean(np.diagonal(gram)))
    if len(rows) < 2 or not scale > 0.0 or not math.isfinite(scale):
        return math.inf, 0.0
    return float(np.max(np.abs(gram / scale - np.eye(len(rows))))), math.sqrt(scale)


def _structured(items: Sequence[WeightSummary]) -> Evidence | None:
    """Zero, constant, identity and orthogonal weights, which have no distribution to speak of."""
    if all(item.zeros == item.entries for item in items):
        return behaviour(Relation.EQUAL, "zero-init-residual", "every weight is zero")
    if all(item.spread == 0.0 for item in items):
        value = items[0].corner
        return unmatched(f"every weight is {value:.4g}: no random start at all")
    if all(item.corner != 0.0 and item.off_eye <= 1e-6 * abs(item.corner) for item in items):
        return _identity(items)
    return _orthogonal(items)


def _identity(items: Sequence[WeightSummary]) -> Evidence:
    scale = items[0].corner
    if all(abs(item.corner - 1.0) <= 1e-6 for item in items):
        return behaviour(Relation.EQUAL, "identity-rnn-init", "ones on the diagonal, zeros elsewhere")
    words = f"{scale:.4g} on the diagonal, zeros elsewhere"
    return behaviour(Relation.REPARAMETRISATION, "identity-rnn-init", words, gain=scale)


def _orthogonal(items: Sequence[WeightSummary]) -> Evidence | None:
    if any(item.off_gram > _ORTHOGONAL for item in items):
        return None
    scales = [item.isometry for item in items]
    gain = float(np.median(scales))
    numbers = (("singular value", gain), ("matrices", float(len(items))))
    summary = f"rows or columns are orthogonal, singular values {min(scales):.4g} to {max(scales):.4g}"
    if max(scales) / min(scales) > 1.0 + GAIN_TOLERANCE:
        differs = "scale changes from layer to layer"
        return behaviour(
            Relation.REPARAMETRISATION, "orthogonal-init", summary, numbers=numbers, differs=differs
        )
    for canonical, mode in ((1.0, ""), (math.sqrt(2.0), "ReLU gain sqrt(2)")):
        if abs(gain / canonical - 1.0) <= GAIN_TOLERANCE:
            return behaviour(Relation.EQUAL, "orthogonal-init", summary, numbers=numbers, mode=mode)
    return behaviour(Relation.REPARAMETRISATION, "orthogonal-init", summary, numbers=numbers, gain=gain)


def _sparse(share: float) -> Evidence:
    summary = f"{share:.0%} of the weights are exactly zero"
    numbers = (("share of zeros", share),)
    return behaviour(
        Relation.SPECIAL_CASE, "sparse-init", summary, numbers=numbers, differs=f"{share:.0%} zeros"
    )


# --- distribution ---------------------------------------------------------------------------------------


def _pooled(items: Sequence[WeightSummary]) -> tuple[float, float, int]:
    """Fourth moment weighted by size, largest standardised weight, number of weights."""
    entries = sum(item.entries for item in items)
    fourth = sum(item.fourth * item.entries for item in items) / entries
    return fourth, max(item.largest for item in items), entries


def _family(items: Sequence[WeightSummary]) -> str:
    return weight_family(*_pooled(items))


def _law(items: Sequence[WeightSummary], family: str) -> tuple[Evidence, ...]:
    """The law of the scales; for cut normals also of the standard deviation before the cut."""
    fourth = _pooled(items)[0]
    rows = [
        StdRow(item.layer, item.rms, 0.5 * math.sqrt(max(fourth - 1.0, 0.0) / item.entries)) for item in items
    ]
    found = probe_init_table(rows)
    if family != "truncated normal" or found[0].relation is Relation.EQUAL:
        return found
    before = probe_init_table([replace(row, std=row.std / _CUT_STD) for row in rows])
    return before if before[0].relation is Relation.EQUAL else found


def _with_family(item: Evidence, family: str, items: Sequence[WeightSummary]) -> Evidence:
    """Add the family to the mode; an unusual family turns an exact law into a variant."""
    fourth, largest, _ = _pooled(items)
    numbers = (*item.numbers, ("kurtosis", fourth), ("largest standardised weight", largest))
    if not item.flags or item.technique == "zero-init-residual":
        return replace(item, numbers=numbers)
    if family == "uniform" and item.technique == "small-normal-init":
        return replace(item, relation=Relation.SPECIAL_CASE, technique="uniform-range-init", numbers=numbers)
    if family == "truncated normal" and item.technique == "small-normal-init":
        return replace(item, technique="truncated-normal-init", numbers=numbers)
    if not family and item.technique == "small-normal-init":
        return unmatched("one spread for all layers, and no usual distribution", numbers)
    if family and family != "two-point":
        mode = f"{item.mode}, {family}" if item.mode else family
        return replace(item, numbers=numbers, mode=mode)
    words = family or f"unusual distribution, kurtosis {fourth:.2f}"
    differs = f"{item.what_differs}, {words}" if item.what_differs else words
    return replace(item, relation=Relation.REPARAMETRISATION, numbers=numbers, what_differs=differs)
