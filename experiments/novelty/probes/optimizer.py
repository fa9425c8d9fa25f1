"""Recognise an optimizer by how parameters answer to gradients.

The candidate is stepped through streams of gradients: noise, noise that falls silent (does the second
moment remember the loudest?), columns of very different size, a burst, and a matrix; from two starting
points, so that decay shows.  Property bits come first and prune the references:

- *degree*: increments under gradients three times as large (1 linear, 0 scale-free), loud and quiet: linear
  when quiet and scale-free when loud is clipping;
- *separability*: does one element's gradient move another element?
- *decay*: does the increment depend on where the parameter stands?

Then each reference rule's hyper-parameters are fitted, with the step size by least squares.  Known rules
agree to 1e-6 and mostly to 1e-12; odd rules were off by 0.45 and more, so 1e-4 decides.  Weight decay is
taken off first where it is a plain shrinking, and fitted as part of the gradient where it is not.

Not covered: rules that need losses or closures (SAM, L-BFGS, line search), and learning-rate schedules inside
the optimizer (its increments then fit no rule).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from leaderboard.errors import PeerError

from ..verdict import Evidence, Relation
from .report import Numbers, behaviour, not_probed, unmatched
from .update_rules import RULES, Array, Rule

__all__ = ["Stepper", "probe_optimizer"]

Stepper = Callable[[Array, Array], Array]
"""One step: (parameters, gradient) to new parameters, of any one shape; carries its state along."""

_FIT = 1e-4  # largest deviation as a share of the largest increment
_STEPS = 10
_LOUD = 100.0  # size of the probe gradients: epsilons up to 1e-5 must not show
_EVEN = 2.0  # five Newton-Schulz steps leave singular values between 0.7 and 1.2
_UNPROMISING = 0.2  # misfit after ten steps of a fit that is then given up
_HOPELESS = 0.9  # a fit this bad from its first start is not tried from others


@dataclass(frozen=True, slots=True)
class _Trace:
    """Gradients, a starting point, and the increments that the candidate made of them."""

    gradients: Array
    start: Array
    increments: Array


@dataclass(frozen=True, slots=True)
class _Bits:
    degree: int | None
    whole: bool
    decays: bool


@dataclass(frozen=True, slots=True)
class _RuleFit:
    rule: Rule
    values: tuple[float, ...]
    rate: float
    misfit: float
    coupled: bool = False


def probe_optimizer(make: Callable[[], Stepper]) -> tuple[Evidence, ...]:
    """Name the update rule of a freshly made stepper; `make` gives a new one without memory each time."""
    try:
        traces = [_run(make, g, p) for g, p in _streams()]
        bits = _bits(make)
    except (ArithmeticError, ValueError):
        return (not_probed("the update does not run on vectors of gradients"),)
    if not all(np.all(np.isfinite(trace.increments)) for trace in traces):
        return (not_probed("its steps are not finite"),)
    if all(np.max(np.abs(trace.increments)) < 1e-12 for trace in traces):
        return (not_probed("it leaves the parameters where they are"),)
    matrix = _matrix_trace(make)
    special = _muon(make, matrix, bits) or _clipping(make, bits)
    if special is not None:
        return (special,)
    decay = _decay_of(make) if bits.decays else 0.0
    fit = _best(traces, matrix, bits, decay)
    if fit is None:
        return (unmatched(f"no known update rule fits; {_describe(bits)}", _numbers(bits)),)
    return (_evidence(fit, bits, decay),)


# --- measuring ------------------------------------------------------------------------------------------


def _streams() -> Iterator[tuple[Array, Array]]:
    """(gradients, start): noise, loud then quiet, columns of very different size, a burst."""
    rng = np.random.default_rng(20150206)
    noise = _clear_of_zero(rng.normal(size=(_STEPS, 6)) + 0.3)
    quiet = noise * np.where(np.arange(_STEPS) < 3, 5.0, 0.2)[:, None]
    columns = _clear_of_zero(rng.normal(size=(_STEPS, 6))) * np.array([50.0, 1.0, 0.1, 10.0, 0.1, 1.0])
    burst = np.full((_STEPS, 6), 0.1) + 0.01 * noise
    burst[4] = 8.0 * noise[4]
    for gradients in (noise, quiet, columns, burst):
        yield _LOUD * gradients, np.zeros(6)


def _clear_of_zero(gradients: Array) -> Array:
    """Gradients that are never so small that a rule's epsilon shows."""
    return np.asarray(np.sign(gradients) * (0.3 + np.abs(gradients)))


def _run(make: Callable[[], Stepper], gradients: Array, start: Array) -> _Trace:
    step, p = make(), start.copy()
    increments = np.empty_like(gradients)
    for t, gradient in enumerate(gradients):
        new = np.asarray(step(p.copy(), gradient.copy()), dtype=np.float64)
        if new.shape != p.shape:
            raise ValueError("the update changes the shape")
        increments[t] = new - p
        p = new
    return _Trace(gradients, start, increments)


def _matrix_trace(make: Callable[[], Stepper]) -> _Trace | None:
    gradients = _LOUD * np.random.default_rng(7).normal(size=(4, 5, 4))
    try:
        return _run(make, gradients, np.zeros((5, 4)))
    except (ArithmeticError, ValueError, PeerError):
        return None


def _bits(make: Callable[[], Stepper]) -> _Bits:
    rng = np.random.default_rng(3)
    gradients, start = _LOUD * _clear_of_zero(rng.normal(size=(5, 6))), rng.normal(size=6)
    plain = _run(make, gradients, np.zeros(6)).increments
    tripled = _run(make, 3.0 * gradients, np.zeros(6)).increments
    size = float(np.max(np.abs(plain))) + 1e-30
    degree = next((k for k in (0, 1) if np.max(np.abs(tripled - 3.0**k * plain)) < 1e-4 * size), None)
    changed = gradients.copy()
    changed[:, 0] *= -2.0
    others = _run(make, changed, np.zeros(6)).increments[:, 1:]
    far = _run(make, gradients, start).increments
    return _Bits(
        degree,
        whole=bool(np.max(np.abs(others - plain[:, 1:])) > 1e-6 * size),
        decays=bool(np.max(np.abs(far - plain)) > 1e-7 * size),
    )


def _clipping(make: Callable[[], Stepper], bits: _Bits) -> Evidence | None:
    """Gradients that pass unchanged while they are small and come out at one size when they are large."""
    rng = np.random.default_rng(5)
    quiet = 1e-4 * _clear_of_zero(rng.normal(size=(3, 6)))
    small = _run(make, quiet, np.zeros(6)).increments
    linear = np.max(np.abs(_run(make, 3.0 * quiet, np.zeros(6)).increments - 3.0 * small))
    ratios = small / quiet
    if bits.degree != 0 or linear > 1e-6 * float(np.max(np.abs(small))) or float(np.ptp(ratios)) > 1e-9:
        return None
    loud = _run(make, _LOUD * _clear_of_zero(rng.normal(size=(3, 6))), np.zeros(6)).increments
    sizes = np.sqrt(np.sum(loud**2, axis=1)) if bits.whole else np.max(np.abs(loud), axis=1)
    if float(np.ptp(sizes)) > 1e-6 * float(np.max(sizes)):
        return None
    bound = float(np.max(sizes)) / abs(float(np.median(ratios)))
    technique = "gradient-clipping-norm" if bits.whole else "gradient-clipping-value"
    kind = "norm" if bits.whole else "size"
    words = f"small gradients pass unchanged, large ones are cut to {kind} {bound:.4g}"
    return behaviour(Relation.EQUAL, technique, words, numbers=(("bound", bound),))


def _decay_of(make: Callable[[], Stepper]) -> float:
    """Share of the parameter lost in one step without gradients; NaN if it is no plain shrinking."""
    start = np.array([1.0, -2.0, 0.5, 3.0, -1.0, 0.25])
    lost = -_run(make, np.zeros((2, 6)), start).increments[0] / start
    return float(np.median(lost)) if float(np.ptp(lost)) < 1e-9 else math.nan


def _muon(make: Callable[[], Stepper], matrix: _Trace | None, bits: _Bits) -> Evidence | None:
    if matrix is None or not _orthogonalises(matrix):
        return None
    words = "on a matrix its first step keeps the gradient's singular vectors and evens out the values"
    technique = "muon" if _remembers(make) else "spectral-descent"
    return behaviour(Relation.EQUAL, technique, words, numbers=_numbers(bits))


def _remembers(make: Callable[[], Stepper]) -> bool:
    """Whether a step on a matrix depends on the gradients before it."""
    gradients = _LOUD * np.random.default_rng(9).normal(size=(2, 5, 4))
    after = _run(make, gradients, np.zeros((5, 4))).increments[1]
    alone = _run(make, gradients[1:], np.zeros((5, 4))).increments[0]
    return bool(np.max(np.abs(after - alone)) > 1e-6 * np.max(np.abs(alone)))


def _orthogonalises(trace: _Trace) -> bool:
    """Whether the first step is the gradient with its singular values made (nearly) equal."""
    left, values, right = np.linalg.svd(trace.gradients[0], full_matrices=False)
    core = left.T @ trace.increments[0] @ right.T
    kept = np.abs(np.diagonal(core))
    off = float(np.max(np.abs(core - np.diag(np.diagonal(core)))))
    even = float(np.max(kept)) < _EVEN * float(np.min(kept)) and values[0] > 2.0 * _EVEN * values[-1]
    return even and off < 0.05 * float(np.max(kept))


# --- fitting --------------------------------------------------------------------------------------------


def _best(traces: list[_Trace], matrix: _Trace | None, bits: _Bits, decay: float) -> _RuleFit | None:
    for rule in RULES:
        known = rule.degree is None or bits.degree is None or rule.technique == "adadelta"
        if rule.whole != bits.whole or not (known or rule.degree == bits.degree):
            continue
        used = [*traces, matrix] if rule.whole and matrix is not None else traces
        fit = _fit_from_starts(rule, used, decay, coupled=False)
        if fit is None and bits.decays:
            fit = _fit_from_starts(rule, used, 0.0, coupled=True)
        if fit is not None:
            return fit
    return None


def _fit_from_starts(rule: Rule, traces: list[_Trace], decay: float, *, coupled: bool) -> _RuleFit | None:
    for start in rule.starts:
        fit = _fit(rule, start, traces, decay, coupled=coupled)
        if fit.misfit <= _FIT:
            return fit
        if fit.misfit > _HOPELESS and not rule.jumps:
            return None
    return None


def _fit(
    rule: Rule, start: tuple[float, ...], traces: list[_Trace], decay: float, *, coupled: bool
) -> _RuleFit:
    """Fit hyper-parameters in (0, 1) through their logits, and a coupled decay; the rate by least squares."""
    before = [_before(trace) for trace in traces]
    shrink = 0.0 if math.isnan(decay) else decay
    pairs = zip(traces, before, strict=True)
    found = np.concatenate([(trace.increments + shrink * p).ravel() for trace, p in pairs])
    scale = float(np.max(np.abs(found)))

    def predicted(values: tuple[float, ...]) -> tuple[Array, float]:
        own, pull = (values[:-1], values[-1]) if coupled else (values, 0.0)
        pairs = zip(traces, before, strict=True)
        parts = [rule.increments(trace.gradients + pull * p, p, own).ravel() for trace, p in pairs]
        joined = np.concatenate(parts)
        rate = float(joined @ found) / (float(joined @ joined) + 1e-300)
        return np.asarray(rate * joined), rate

    def residual(logits: Array) -> Array:
        with np.errstate(all="ignore"):
            gap = (predicted(_from_logits(logits))[0] - found) / scale
        return np.asarray(np.where(np.isfinite(gap), gap, 1e3))

    values = (*start, 0.05) if coupled else start
    if values and not rule.jumps and 0.0 not in values:
        values = _refined(residual, values)
    misfit = float(np.max(np.abs(residual(_logits(values)))))
    return _RuleFit(rule, values, predicted(values)[1], misfit, coupled)


def _before(trace: _Trace) -> Array:
    """The parameters before each step."""
    return np.asarray(trace.start + np.cumsum(trace.increments, axis=0) - trace.increments)


def _refined(residual: Callable[[Array], Array], start: tuple[float, ...]) -> tuple[float, ...]:
    begun = optimize.least_squares(residual, _logits(start), xtol=1e-6, max_nfev=10)
    if float(np.max(np.abs(begun.fun))) > _UNPROMISING:
        return _from_logits(begun.x)
    found = optimize.least_squares(residual, begun.x, xtol=1e-14, ftol=1e-14, gtol=1e-14, max_nfev=40)
    return _from_logits(found.x)


def _logits(values: tuple[float, ...]) -> Array:
    inside = np.clip(np.array(values), 1e-12, 1.0 - 1e-12)
    return np.asarray(np.log(inside / (1.0 - inside)))


def _from_logits(logits: Array) -> tuple[float, ...]:
    return tuple(float(value) for value in 1.0 / (1.0 + np.exp(-np.clip(logits, -40.0, 40.0))))


# --- telling --------------------------------------------------------------------------------------------


def _evidence(fit: _RuleFit, bits: _Bits, decay: float) -> Evidence:
    rule = fit.rule
    names = (*rule.names, "coupled decay") if fit.coupled else rule.names
    fitted = ", ".join(f"{n}={v:.4g}" for n, v in zip(names, fit.values, strict=True))
    words = f"its steps are those of {rule.technique} within {fit.misfit:.1e}" + (
        f", {fitted}" if fitted else ""
    )
    numbers = (("misfit", fit.misfit), ("step size", abs(fit.rate)), *zip(names, fit.values, strict=True))
    if fit.coupled:
        parts = (rule.technique, "l2-regularization")
        return behaviour(Relation.COMBINATION, rule.technique, words, numbers=numbers, parts=parts)
    if bits.decays and decay and not math.isnan(decay):
        words = f"{words}, and every step shrinks the parameter by {decay:.3g}"
        if rule.technique == "adam":
            return behaviour(Relation.EQUAL, "adamw", words, numbers=numbers)
        parts = (rule.technique, "weight-decay")
        return behaviour(Relation.COMBINATION, rule.technique, words, numbers=numbers, parts=parts)
    if bits.decays:
        differs = "the step depends on the parameter"
        return behaviour(Relation.REPARAMETRISATION, rule.technique, words, numbers=numbers, differs=differs)
    return behaviour(Relation.EQUAL, rule.technique, words, numbers=numbers)


def _describe(bits: _Bits) -> str:
    degree = {0: "free of the gradients' scale", 1: "linear in the gradients"}.get(bits.degree or 0, "")
    parts = [degree if bits.degree is not None else "neither linear nor scale-free"]
    parts.append("looks at the array as a whole" if bits.whole else "treats elements alone")
    parts.append("depends on the parameter" if bits.decays else "does not depend on the parameter")
    return ", ".join(parts)


def _numbers(bits: _Bits) -> Numbers:
    degree = -1.0 if bits.degree is None else float(bits.degree)
    return (
        ("degree", degree),
        ("whole array", float(bits.whole)),
        ("depends on the parameter", float(bits.decays)),
    )
