"""Recognise a normalisation by its invariances and by its values.

The artefact maps (batch, features) to the same shape.  Invariance bits say what it removes: the scale or the
offset of a row (a token), of a column (a channel), and whether rows see each other.  Then its values are
compared with references, first as they are, then up to one factor.  Probe inputs are large (about 30), so
that an epsilon of 1e-3 does not show.

Not covered: running statistics (a module is probed in training mode), learned gains other than one, and
normalisations of weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..structure.formula import Array
from ..verdict import Evidence, Relation
from .report import Numbers, behaviour, not_probed, unmatched

__all__ = ["probe_normaliser"]

Normaliser = Callable[[Array], Array]

_EXACT = 1e-4  # of the largest value; epsilons and biased variances are told apart by the references
_SIZE = 30.0
_GROUPS = (2, 4, 8)


@dataclass(frozen=True, slots=True)
class _Reference:
    technique: str
    value: Normaliser
    mode: str = ""
    everywhere: bool = False  # must fit small inputs as well as large ones


def _centred(x: Array, axis: int) -> Array:
    return np.asarray(x - x.mean(axis=axis, keepdims=True))


def _standard(x: Array, axis: int, ddof: int = 0) -> Array:
    return np.asarray(_centred(x, axis) / x.std(axis=axis, keepdims=True, ddof=ddof))


def _rms(x: Array) -> Array:
    return np.asarray(x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True)))


def _softmax(x: Array) -> Array:
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def _off_by_one(x: Array) -> Array:
    top = np.maximum(x.max(axis=-1, keepdims=True), 0.0)
    shifted = np.exp(x - top)
    return np.asarray(shifted / (np.exp(-top) + shifted.sum(axis=-1, keepdims=True)))


def _sparsemax(x: Array) -> Array:
    """Projection onto the simplex (arXiv:1602.02068)."""
    ordered = -np.sort(-x, axis=-1)
    ranks = np.arange(1, x.shape[-1] + 1)
    above = 1.0 + ranks * ordered > np.cumsum(ordered, axis=-1)
    count = above.sum(axis=-1, keepdims=True)
    threshold = (np.take_along_axis(np.cumsum(ordered, axis=-1), count - 1, axis=-1) - 1.0) / count
    return np.asarray(np.maximum(x - threshold, 0.0))


def _grouped(groups: int) -> Normaliser:
    def value(x: Array) -> Array:
        return np.asarray(_standard(x.reshape(x.shape[0], groups, -1), -1).reshape(x.shape))

    return value


def _references() -> Iterator[_Reference]:
    yield _Reference("rms-norm", _rms)
    yield _Reference("layer-norm", lambda x: _standard(x, -1))
    yield _Reference("layer-norm", lambda x: _standard(x, -1, 1), "unbiased variance")
    yield _Reference("l2-normalization", lambda x: np.asarray(x / np.linalg.norm(x, axis=-1, keepdims=True)))
    yield _Reference("batch-norm", lambda x: _standard(x, 0))
    yield _Reference("batch-norm", lambda x: _standard(x, 0, 1), "unbiased variance")
    yield _Reference("softmax-activation", _softmax, everywhere=True)
    yield _Reference("softmax-off-by-one", _off_by_one, everywhere=True)
    yield _Reference("sparsemax", _sparsemax, everywhere=True)
    for groups in _GROUPS:
        yield _Reference("group-norm", _grouped(groups), f"{groups} groups")


def probe_normaliser(function: Normaliser) -> tuple[Evidence, ...]:
    """Name a map of (batch, features) to the same shape; best evidence first."""
    rng = np.random.default_rng(11)
    x = _SIZE * rng.normal(size=(24, 16)) + 10.0 * rng.normal(size=(1, 16)) + 5.0
    y = function(x)
    if y.shape != x.shape or not np.all(np.isfinite(y)):
        return (not_probed("not a finite map that keeps the shape"),)
    if not np.array_equal(function(x), y):
        return (not_probed("it gives other values each time (random or with state)"),)
    bits = _bits(function, x, y)
    sizes = (x, x / _SIZE)
    for scaled in (False, True):
        for reference in _references():
            fits = [_compare(reference, inputs, function(inputs), scaled=scaled) for inputs in sizes]
            found = next((fit for fit in fits if fit is not None), None)
            if found is not None and (all(fits) or not reference.everywhere):
                seen = replace(found, summary=f"{found.summary}; {_describe(bits)}")
                return (replace(seen, numbers=(*found.numbers, *_numbers(bits))),)
    return (unmatched(f"no known normalisation; {_describe(bits)}", _numbers(bits)),)


def _compare(reference: _Reference, x: Array, y: Array, *, scaled: bool) -> Evidence | None:
    """Equal as it is, or if `scaled` up to one constant factor (a variant of the same normalisation)."""
    target = reference.value(x)
    factor = float(np.sum(target * y) / np.sum(target * target))
    size = float(np.max(np.abs(y)))
    gap = float(np.max(np.abs(y - factor * target)))
    if factor <= 0.0 or gap > _EXACT * size or (abs(factor - 1.0) > 1e-3 and not scaled):
        return None
    numbers = (("deviation", gap / size), ("factor", factor))
    words = f"its values are those of {reference.technique} within {gap / size:.1e}"
    if abs(factor - 1.0) <= 1e-3:
        return behaviour(Relation.EQUAL, reference.technique, words, numbers=numbers, mode=reference.mode)
    return behaviour(
        Relation.REPARAMETRISATION,
        reference.technique,
        words,
        numbers=numbers,
        mode=reference.mode,
        gain=factor,
    )


def _bits(function: Normaliser, x: Array, y: Array) -> dict[str, bool]:
    rows, columns = np.linspace(0.5, 3.0, len(x))[:, None], np.linspace(0.5, 3.0, x.shape[1])[None, :]
    alone = x.copy()
    alone[1:] = alone[1:] * -1.7 + 3.0

    def same(other: Array, where: slice = slice(None)) -> bool:
        return bool(np.max(np.abs(function(other)[where] - y[where])) <= 1e-4 * float(np.max(np.abs(y))))

    return {
        "the scale of a row": same(x * rows),
        "the offset of a row": same(x + 20.0 * rows),
        "the scale of a column": same(x * columns),
        "the offset of a column": same(x + 20.0 * columns),
        "the other rows": same(alone, slice(0, 1)),
    }


def _describe(bits: dict[str, bool]) -> str:
    removed = [name for name, holds in bits.items() if holds]
    return "it does not depend on " + ", ".join(removed) if removed else "it removes neither scale nor offset"


def _numbers(bits: dict[str, bool]) -> Numbers:
    return tuple((f"independent of {name}", float(holds)) for name, holds in bits.items())
