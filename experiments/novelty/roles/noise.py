"""Foreign code as a map with chance in it: what it does to an array on average, and how it scatters.

Looked at over repeated runs: whether outputs lie on a grid around the input and meet it on average
(stochastic rounding), whether the ratio or the difference of output and input is normal and the same for
small and large inputs (Gaussian dropout, added noise), and whether whole rows or channels fall together
(stochastic depth, spatial dropout).

Not covered: noise whose size depends on the data, and masks of blocks.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..probes.report import Numbers, behaviour, not_probed, unmatched
from ..structure.code.candidates import Candidate
from ..structure.code.values import CodeError
from ..verdict import Evidence, Relation
from .binding import Array, array_of, outcome, tensor_of
from .tasks import numbers_of, settings_of

__all__ = ["as_noise", "draws_chance"]

_RUNS = 16
_SHAPE = (8, 6, 5, 5)
_KURTOSIS = (2.8, 3.2)  # of 38,400 normal draws, three standard errors and more
_EVEN = 0.06  # relative difference of the spread at small and at large inputs
_CALLS = """
    rand randn rand_like randn_like normal uniform random standard_normal random_sample bernoulli binomial
    choice permutation randperm gauss normal_ uniform_ bernoulli_ randint integers exponential_
"""
_CHANCE = frozenset(_CALLS.split())


def draws_chance(candidate: Candidate) -> bool:
    """Whether the code calls a source of chance."""
    functions = (node.func for node in ast.walk(candidate.source) if isinstance(node, ast.Call))
    names = (f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in functions)
    return any(name in _CHANCE for name in names)


def as_noise(candidate: Candidate) -> tuple[Evidence, ...]:
    """Name a random map of an array to one of its shape."""
    if not 1 <= len(candidate.required) <= 4 or not draws_chance(candidate):
        return (not_probed("no chance in it, or not a map of one array"),)
    rng = np.random.default_rng(1959)
    for shape in (_SHAPE, (_SHAPE[0] * 12, 12)):
        x = 2.0 * rng.normal(size=shape)
        x += 0.2 * np.sign(x)  # clear of zero: ratios are looked at
        try:
            runs = np.array([_run(candidate, x) for _ in range(_RUNS)])
        except (CodeError, ValueError, ArithmeticError, LookupError, TypeError, RuntimeError):
            continue
        found = _named(x, runs, numbers_of(candidate))
        return (found,) if found is not None else (unmatched("a random map of no known kind"),)
    return (not_probed("it does not run as a map of one array"),)


def _run(candidate: Candidate, x: Array) -> Array:
    fresh = candidate.renew() if candidate.renew is not None else candidate
    bound = {candidate.required[0]: tensor_of(x), **settings_of(candidate.required[1:])}
    y = array_of(outcome(fresh, bound))
    if y.shape != x.shape or not np.all(np.isfinite(y)):
        raise CodeError("not a finite map to the same shape")
    return y


def _named(x: Array, runs: Array, settings: Sequence[float]) -> Evidence | None:
    if np.array_equal(runs[0], runs[1]):
        return None
    return _rounded(x, runs, settings) or _dropped(x, runs) or _scattered(x, runs)


def _rounded(x: Array, runs: Array, settings: Sequence[float]) -> Evidence | None:
    """On a grid, never further than a step, and up as often as the remainder says."""
    for step in (1.0, *settings):
        if step <= 0.0:
            continue
        whole = runs / step
        if np.max(np.abs(whole - np.round(whole))) > 1e-6 or np.max(np.abs(runs - x)) > step * (1 + 1e-9):
            continue
        rest = (x / step - np.floor(x / step)).ravel()
        up = np.mean(runs > x, axis=0).ravel()
        slope, start = np.polyfit(rest, up, 1)
        if abs(slope - 1.0) < 0.1 and abs(start) < 0.05:
            words = f"rounds to steps of {step:.4g}, up as often as the remainder says"
            return behaviour(Relation.EQUAL, "stochastic-rounding", words, numbers=(("step", step),))
    return None


def _dropped(x: Array, runs: Array) -> Evidence | None:
    """Zero or one common scale, decided for whole samples or channels together."""
    ratios = runs / x
    kept = ratios != 0.0
    share = float(np.mean(kept))
    if not 0.02 < share < 0.99 or float(np.ptp(ratios[kept])) > 1e-6 * float(np.max(np.abs(ratios[kept]))):
        return None
    scale = float(np.median(ratios[kept]))
    numbers: Numbers = (("share kept", share), ("scale of the kept", scale))
    together = kept.reshape(*kept.shape[:2], -1)
    if np.all(together.all(axis=-1) | ~together.any(axis=-1)) and together.shape[-1] > 1:
        words = f"keeps whole samples with chance {share:.2f}"
        return behaviour(Relation.EQUAL, "stochastic-depth", words, numbers=numbers)
    if kept.ndim == 5:
        channels = kept.reshape(*kept.shape[:3], -1)
        if np.all(channels.all(axis=-1) | ~channels.any(axis=-1)):
            words = f"keeps whole channels with chance {share:.2f}"
            return behaviour(Relation.EQUAL, "spatial-dropout", words, numbers=numbers)
    if abs(scale * share - 1.0) > 0.05 or not _apart(kept, share):
        return None
    words = f"keeps each entry with chance {share:.2f}, times {scale:.4g}"
    return behaviour(Relation.EQUAL, "dropout", words, numbers=numbers)


def _apart(kept: NDArray[np.bool_], share: float) -> bool:
    """Whether neighbours along every axis fall independently, and not always as many."""
    expected = share**2 + (1.0 - share) ** 2
    pairs = [np.diff(kept.astype(np.int8), axis=axis) == 0 for axis in range(1, kept.ndim)]
    counts = kept.reshape(len(kept), -1).sum(axis=1)
    return len(np.unique(counts)) > 1 and all(abs(float(np.mean(p)) - expected) < 0.03 for p in pairs)


def _scattered(x: Array, runs: Array) -> Evidence | None:
    """A normal ratio of mean one, or a normal difference of mean zero, the same at all sizes of the input."""
    large = np.abs(x) > float(np.median(np.abs(x)))
    for values, centre, technique, words in (
        (runs / x, 1.0, "gaussian-dropout", "times normal noise of mean 1"),
        (runs - x, 0.0, "noise-injection", "plus normal noise of mean 0"),
    ):
        spread = float(np.std(values))
        if spread <= 0.0 or abs(float(np.mean(values)) - centre) > 0.03 * spread:
            continue
        sizes = [float(np.std(values[:, where])) for where in (large, ~large)]
        fourth = float(np.mean(((values - centre) / spread) ** 4))
        if abs(sizes[0] / sizes[1] - 1.0) <= _EVEN and _KURTOSIS[0] <= fourth <= _KURTOSIS[1]:
            numbers: Numbers = (("spread", spread), ("kurtosis", fourth))
            return behaviour(Relation.EQUAL, technique, words, numbers=numbers)
    return None
