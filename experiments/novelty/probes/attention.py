"""Recognise an attention by the matrix it applies to values.

The artefact maps queries, keys and values, each (tokens, width), to (tokens, width).  One-hot values make
the output the attention matrix itself.  First its bits: rows that sum to one, zeros above the diagonal
(causal), a band (a window).  Then its values against references, with one fitted number where the technique
has one (scale, cap, slope).

Not covered: several heads at once (they are mixed before the output), learned projections and positions
inside them, and attention over memories.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from ..structure.formula import Array
from ..verdict import Evidence, Relation
from .report import Numbers, behaviour, not_probed, unmatched

__all__ = ["Attention", "probe_attention", "probe_mask"]

_PLAIN = "scaled-dot-product-attention"
Attention = Callable[[Array, Array, Array], Array]
"""(queries, keys, values), each (tokens, width), to (tokens, width)."""

Mask = NDArray[np.bool_]

_TOKENS, _WIDTH = 12, 12  # equal, so that one-hot values fit any artefact that wants one width
_EXACT = 1e-6
_DISTANCE = np.subtract.outer(np.arange(_TOKENS), np.arange(_TOKENS)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class _Reference:
    technique: str
    value: Callable[[Array, Array, float], Array]
    parameter: str = ""
    starts: tuple[float, ...] = (0.0,)


def _rows(scores: Array) -> Array:
    shifted = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    return np.asarray(shifted / np.sum(shifted, axis=-1, keepdims=True))


def _unit(x: Array) -> Array:
    return np.asarray(x / np.linalg.norm(x, axis=-1, keepdims=True))


def _dots(q: Array, k: Array) -> Array:
    return np.asarray(q @ k.T)


def _softcapped(q: Array, k: Array, cap: float) -> Array:
    return _rows(cap * np.tanh(_dots(q, k) / np.sqrt(_WIDTH) / cap))


def _linear(q: Array, k: Array, _: float) -> Array:
    features = [np.where(x > 0, x + 1.0, np.exp(np.minimum(x, 0.0))) for x in (q, k)]
    scores = features[0] @ features[1].T
    return np.asarray(scores / np.sum(scores, axis=-1, keepdims=True))


def _off_by_one(q: Array, k: Array, _: float) -> Array:
    scores = np.exp(_dots(q, k) / np.sqrt(_WIDTH))
    return np.asarray(scores / (1.0 + np.sum(scores, axis=-1, keepdims=True)))


_REFERENCES: tuple[_Reference, ...] = (
    _Reference("scaled-dot-product-attention", lambda q, k, _: _rows(_dots(q, k) / np.sqrt(_WIDTH))),
    _Reference("luong-attention", lambda q, k, _: _rows(_dots(q, k))),
    _Reference("linear-attention", _linear),
    _Reference("softmax-off-by-one", _off_by_one),
    _Reference(
        "sigmoid-attention", lambda q, k, s: 1.0 / (1.0 + np.exp(-_dots(q, k) / np.sqrt(_WIDTH) - s)), "bias"
    ),
    _Reference("qk-norm", lambda q, k, s: _rows(s * _dots(_unit(q), _unit(k))), "scale", (1.0, 10.0)),
    _Reference(
        "alibi", lambda q, k, s: _rows(_dots(q, k) / np.sqrt(_WIDTH) - s * np.abs(_DISTANCE)), "slope", (0.1,)
    ),
    _Reference("logit-softcap", _softcapped, "cap", (5.0, 30.0)),
    _Reference("attention-scale-tuning", lambda q, k, s: _rows(s * _dots(q, k)), "scale", (0.3, 1.0)),
)


def probe_attention(function: Attention) -> tuple[Evidence, ...]:
    """Name an attention; masks that it applies come as further evidence."""
    rng = np.random.default_rng(2017)
    q, k = rng.normal(size=(2, _TOKENS, _WIDTH))
    matrix = function(q, k, np.eye(_TOKENS))
    if matrix.shape != (_TOKENS, _TOKENS) or not np.all(np.isfinite(matrix)):
        return (not_probed("not a finite map of queries, keys and values"),)
    if np.max(np.abs(function(q, k, 2.0 * np.eye(_TOKENS)) - 2.0 * matrix)) > 1e-9:
        return (not_probed("it is not linear in the values, so it is no attention"),)
    keep = np.abs(matrix) > 1e-12
    if np.count_nonzero(keep) <= _TOKENS:
        return (not_probed("each token sees one token: its tokens lie along another axis"),)
    masked = _mask_evidence(keep)
    for reference in _REFERENCES:
        found = _compare(reference, q, k, matrix, keep)
        if found is not None and found.technique == _PLAIN:
            return (*masked, found)  # the mask is what is special about it
        if found is not None:
            return (found, *masked)
    return (unmatched("no known attention matrix", _numbers(matrix, keep)),)  # whatever its mask


def probe_mask(mask: Array) -> tuple[Evidence, ...]:
    """Name a (tokens, tokens) mask: of truth values, or of scores with minus infinity or a large penalty."""
    if mask.ndim != 2 or mask.shape[0] != mask.shape[1] or len(mask) < 4:
        return (not_probed("not a square mask"),)
    allowed = mask > -1e3 if np.min(mask) < -1e3 else mask > 0.5
    distance = np.subtract.outer(np.arange(len(mask)), np.arange(len(mask)))
    for keep in (allowed, ~allowed):
        found = _mask_evidence(keep)
        if found:
            return found
    below = np.tril(np.ones(mask.shape, dtype=bool), -1)
    slopes = mask[below] / distance[below]
    if np.all(np.isfinite(slopes)) and np.ptp(slopes) <= 1e-9 * abs(slopes[0]) and slopes[0] < 0.0:
        words = f"a penalty of {-slopes[0]:.4g} for each token of distance"
        return (behaviour(Relation.EQUAL, "alibi", words, numbers=(("slope", float(-slopes[0])),)),)
    return (unmatched("a mask of no known form"),)


def _mask_evidence(keep: Mask) -> tuple[Evidence, ...]:
    size = len(keep)
    distance = np.subtract.outer(np.arange(size), np.arange(size))
    if np.array_equal(keep, distance >= 0):
        return (behaviour(Relation.EQUAL, "causal-masking", "each token sees itself and those before it"),)
    for width in range(1, size - 1):
        for banded, words in (
            ((distance >= 0) & (distance < width), "before"),
            (np.abs(distance) < width, "around"),
        ):
            if np.array_equal(keep, banded):
                text = f"each token sees a window of {width} tokens {words} it"
                return (
                    behaviour(Relation.EQUAL, "sliding-window-attention", text, differs=f"window {width}"),
                )
    prefix = np.argmin(keep[0]) if not np.all(keep[0]) else 0
    if prefix > 1 and np.array_equal(keep, (distance >= 0) | (np.arange(size) < prefix)[None, :]):
        return (behaviour(Relation.EQUAL, "prefix-lm-mask", f"the first {prefix} tokens see each other"),)
    return ()


def _compare(reference: _Reference, q: Array, k: Array, matrix: Array, keep: Mask) -> Evidence | None:
    def predicted(value: float) -> Array:
        with np.errstate(all="ignore"):
            full = reference.value(q, k, value)
        if np.all(keep):
            return full
        masked = np.where(keep, full, 0.0)
        normal = np.allclose(np.sum(full, axis=-1), 1.0)
        return masked / np.sum(masked, axis=-1, keepdims=True) if normal else masked

    for start in reference.starts:
        value = start
        if reference.parameter:
            fit = optimize.least_squares(
                lambda v: (predicted(float(v[0])) - matrix).ravel(), [start], xtol=1e-14
            )
            value = float(fit.x[0])
        gap = float(np.max(np.abs(predicted(value) - matrix)))
        if gap <= _EXACT:
            words = f"its matrix is that of {reference.technique} within {gap:.1e}"
            differs = f"{reference.parameter} {value:.4g}" if reference.parameter else ""
            numbers = (("deviation", gap), *_numbers(matrix, keep))
            return behaviour(Relation.EQUAL, reference.technique, words, numbers=numbers, differs=differs)
    return None


def _numbers(matrix: Array, keep: Mask) -> Numbers:
    sums: Sequence[float] = np.sum(matrix, axis=-1).tolist()
    return (
        ("smallest row sum", min(sums)),
        ("largest row sum", max(sums)),
        ("share kept", float(np.mean(keep))),
    )
