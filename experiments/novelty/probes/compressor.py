"""Recognise a compressor of gradients or weights by what it keeps of an array.

The artefact maps an array to one of the same shape.  Looked at: the share of zeros and whether the
survivors are the largest, whether survivors keep their values, the number of distinct values and how they
relate to the input (signs, a grid of whole steps), zeros in every group of four, and whether the mean over
runs is the input (unbiased, so rounding is random).

Not covered: what happens to the part that was not sent (error feedback needs several steps), and codecs that
give another shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..structure.formula import Array
from ..verdict import Evidence, Relation
from .report import Numbers, behaviour, not_probed, unmatched

__all__ = ["probe_compressor"]

_SHAPE = (16, 64)
_SAME = {"topk-sparsification": "magnitude-pruning", "onebit-sgd": "binary-network"}
"""The same map has one name for gradients and one for weights; both are told, words decide."""
_MOST_LEVELS = 300  # distinct values of a quantised array
_RUNS = 40  # repetitions that show whether randomness is unbiased


def probe_compressor(function: Callable[[Array], Array]) -> tuple[Evidence, ...]:
    """Name a lossy map of an array to the same shape; best evidence first."""
    x = np.random.default_rng(1847).normal(size=_SHAPE)
    y = function(x)
    if y.shape != x.shape or not np.all(np.isfinite(y)):
        return (not_probed("not a finite map to the same shape"),)
    if np.allclose(y, x, rtol=1e-9):
        return (not_probed("it gives back what it got"),)
    zeros = float(np.mean(y == 0.0))
    levels = len(np.unique(np.round(y, 12)))
    numbers: Numbers = (("share of zeros", zeros), ("distinct values", float(levels)))
    random = not np.array_equal(function(x), y)
    found = _masked(function, x, y) if random else _sparse(x, y, zeros, numbers)
    found = found or _quantised(function, x, y, random, numbers)
    if found is None:
        return (unmatched("no known compression", numbers),)
    same = _SAME.get(found.technique)
    return (found,) if same is None else (found, replace(found, technique=same))


def _masked(function: Callable[[Array], Array], x: Array, y: Array) -> Evidence | None:
    """Entries dropped by chance: always as many (a sample), or each by its own coin (a mask)."""
    counts = [int(np.count_nonzero(function(x))) for _ in range(_RUNS)]
    kept = y != 0.0
    if not 0.02 < np.mean(kept) < 0.99 or float(np.ptp(y[kept] / x[kept])) > 1e-6 * float(
        np.max(np.abs(y[kept]))
    ):
        return None
    share, scale = float(np.mean(counts)) / x.size, float(np.median(y[kept] / x[kept]))
    numbers: Numbers = (("share kept", share), ("scale of the kept", scale))
    if _clustered(kept):
        return None
    if len(set(counts)) == 1:
        words = f"keeps {share:.1%}, always as many, chosen by chance"
        return behaviour(Relation.EQUAL, "random-k", words, numbers=numbers)
    words = f"keeps each entry with chance {share:.1%}, times {scale:.4g}"
    if abs(scale * share - 1.0) < 0.05:
        return behaviour(Relation.EQUAL, "dropout", words, numbers=numbers)
    return behaviour(Relation.REPARAMETRISATION, "dropout", words, numbers=numbers, differs="not rescaled")


def _clustered(kept: NDArray[np.bool_]) -> bool:
    """Whether neighbours tend to fall together: then it is blocks that are dropped, not entries."""
    share = float(np.mean(kept))
    pairs = [kept[:, 1:] == kept[:, :-1], kept[1:] == kept[:-1]]
    expected = share**2 + (1.0 - share) ** 2
    return any(float(np.mean(pair)) > expected + 0.1 for pair in pairs)


def _sparse(x: Array, y: Array, zeros: float, numbers: Numbers) -> Evidence | None:
    """Some entries dropped, the others as they were (or all scaled up alike)."""
    kept = y != 0.0
    if not 0.05 < zeros < 1.0:
        return None
    ratios = y[kept] / x[kept]
    if float(np.ptp(ratios)) > 1e-6 * float(np.max(np.abs(ratios))):
        return None
    share = f"keeps {1.0 - zeros:.1%}"
    groups = kept.reshape(-1, 4).sum(axis=1)
    if np.all(groups == 2):
        words = "keeps two of every four in a row"
        return behaviour(Relation.EQUAL, "nm-sparsity", words, numbers=numbers)
    return _largest(x, kept, share, numbers)


def _largest(x: Array, kept: NDArray[np.bool_], share: str, numbers: Numbers) -> Evidence | None:
    """Whether the survivors are the largest of all, or of their row."""
    if np.min(np.abs(x[kept])) >= np.max(np.abs(x[~kept])):
        return behaviour(
            Relation.EQUAL, "topk-sparsification", f"{share}, the largest in size", numbers=numbers
        )
    if not np.all(kept.any(axis=1) & ~kept.all(axis=1)):
        return None
    if all(np.min(np.abs(a[b])) >= np.max(np.abs(a[~b])) for a, b in zip(x, kept, strict=True)):
        words = f"{share}, the largest of every row"
        return behaviour(Relation.EQUAL, "topk-sparsification", words, numbers=numbers, mode="row by row")
    return None


def _quantised(
    function: Callable[[Array], Array], x: Array, y: Array, random: bool, numbers: Numbers
) -> Evidence | None:
    if random:
        if not _unbiased(function, x) or len(np.unique(np.round(y, 9))) > _MOST_LEVELS:
            return None
        technique = "terngrad" if len(np.unique(np.round(np.abs(y), 12))) <= 2 else "qsgd"
        words = "rounds by chance so that the mean is the input"
        return behaviour(Relation.EQUAL, technique, words, numbers=numbers)
    levels = np.unique(np.round(y, 12))
    if len(levels) == 3 and levels[1] == 0.0 and abs(levels[0] + levels[2]) <= 1e-9 * levels[2]:
        kept = y != 0.0
        if np.array_equal(np.sign(y[kept]), np.sign(x[kept])) and np.min(np.abs(x[kept])) >= np.max(
            np.abs(x[~kept])
        ):
            words = "the sign of the larger entries times one number, zero for the others"
            return behaviour(Relation.EQUAL, "ternary-weights", words, numbers=numbers)
    scale = _one_size(x, y)
    if scale is not None:
        words = f"the sign of each entry times {scale}"
        return behaviour(Relation.EQUAL, "onebit-sgd", words, numbers=numbers)
    return _stepped(x, y, numbers)


def _unbiased(function: Callable[[Array], Array], x: Array) -> bool:
    """Whether the mean over runs is the input itself."""
    mean = np.mean([function(x) for _ in range(_RUNS)], axis=0)
    slope, _ = np.polyfit(x.ravel(), mean.ravel(), 1)
    return bool(abs(slope - 1.0) < 0.1 and np.corrcoef(x.ravel(), mean.ravel())[0, 1] > 0.9)


def _one_size(x: Array, y: Array) -> str | None:
    """What size the signs carry, if the output is nothing but signs times one size (for all, or each row)."""
    if not np.array_equal(np.sign(y), np.sign(x)):
        return None
    if float(np.ptp(np.abs(y))) <= 1e-9:
        return "one number"
    return "one number a row" if float(np.max(np.ptp(np.abs(y), axis=1))) <= 1e-9 else None


def _stepped(x: Array, y: Array, numbers: Numbers) -> Evidence | None:
    """Whole multiples of a step (for all, or each row), each the nearest to its input."""
    for axis, mode in ((None, ""), (1, "a step for each row")):
        sizes = np.max(np.abs(x), axis=axis, keepdims=True)
        for levels, technique in (
            (127, "int8-quantization"),
            (7, "int4-quantization"),
            (1, "ternary-weights"),
        ):
            step = sizes / levels
            if float(np.max(np.abs(y - step * np.round(x / step)))) <= 1e-6 * float(np.max(sizes)):
                words = f"the nearest of {2 * levels + 1} even steps up to the largest size"
                return behaviour(Relation.EQUAL, technique, words, numbers=numbers, mode=mode)
        found = _between_ends(x, y, axis, numbers, mode)
        if found is not None:
            return found
    return None


def _between_ends(x: Array, y: Array, axis: int | None, numbers: Numbers, mode: str) -> Evidence | None:
    """Even steps from the least to the largest value, shifted by less than a step (a whole zero point)."""
    low, high = np.min(x, axis=axis, keepdims=True), np.max(x, axis=axis, keepdims=True)
    for levels, technique in ((255, "int8-quantization"), (15, "int4-quantization")):
        step = (high - low) / levels
        whole = (y - y[:, :1]) / step
        even = float(np.max(np.abs(whole - np.round(whole)))) <= 1e-6 * levels
        if even and float(np.max(np.abs(y - x) / step)) <= 1.0 + 1e-6 and np.mean(np.abs(y - x) / step) < 0.3:
            words = f"{levels + 1} even steps from the least to the largest value"
            return behaviour(Relation.EQUAL, technique, words, numbers=numbers, mode=f"affine {mode}".strip())
    return None
