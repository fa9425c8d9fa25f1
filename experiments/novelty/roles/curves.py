"""Foreign code as an activation, a gate or a learning-rate schedule."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ..probes.activation import probe_activation, probe_gate
from ..probes.references import activation_references, gate_references
from ..probes.report import behaviour, not_probed
from ..probes.schedule import probe_schedule
from ..structure.code.candidates import Candidate
from ..structure.code.values import CodeError, Value
from ..verdict import Evidence, Relation
from .binding import Array, array_of, hinted, number_of, outcome, tensor_of, tokens

__all__ = ["as_activation", "as_gate", "as_schedule"]

_STEPS = 200
_LEAST_CAP, _MOST_CAP = 4.0, 1000.0  # of scores; published ones are 5 to 50
_MOVES = 0.3  # of the peak
_CUT_SHORT = 0.9  # share of the steps that must run for a curve to be looked at as it is
_LEAST_SET = 0.1  # share of the steps that code must set which sets the rate under a condition only
_MOST_STEPS = 1_000_000  # constants beyond are no steps
_HINTS: Mapping[str, frozenset[str]] = {
    "warm": frozenset({"warmup", "warm", "wu"}),
    "low": frozenset({"min", "final", "floor", "end", "low", "lo"}),
    "step": frozenset(
        {"step", "it", "iter", "iteration", "epoch", "i", "k", "s", "cur", "current", "now", "e"}
    ),
    "total": frozenset(
        {"T", "N", "total", "max", "steps", "horizon", "tmax", "num", "n", "iters", "epochs", "length"}
    ),
    "rate": frozenset(
        {"hi", "high", "lr", "base", "peak", "eta", "eta0", "alpha", "init", "initial", "rate", "a", "lr0"}
    ),
}
_TIME_WORDS = frozenset(
    {"t", "step", "it", "iter", "iteration", "epoch", "global", "progress", "frac", "fraction"}
)


def as_activation(candidate: Candidate) -> tuple[Evidence, ...]:
    """Run the code on a grid of numbers and compare with known activations."""
    names = candidate.required or candidate.optional[:1]
    if len(names) != 1:
        return (not_probed("an activation has one input"),)

    def vector(x: Array) -> Array:
        return array_of(outcome(candidate, {names[0]: tensor_of(x)}))

    def one_by_one(x: Array) -> Array:
        return np.array([number_of(outcome(candidate, {names[0]: float(point)})) for point in x])

    for function in (vector, one_by_one):
        try:
            if function(np.array([-1.0, 0.5, 2.0])).shape == (3,):
                return _softcap(function) or probe_activation(function, activation_references())
        except CodeError:
            continue
    return (not_probed("it does not run as a function of one array"),)


def _softcap(function: Callable[[Array], Array]) -> tuple[Evidence, ...]:
    """`c*tanh(x/c)` with a large c is a cap on scores; with a small one it is an activation."""
    grid = np.linspace(-300.0, 300.0, 601)
    try:
        values = function(grid)
    except CodeError:
        return ()
    cap = float(np.max(np.abs(function(np.array([-1e4, 1e4, 0.0])))))
    if not _LEAST_CAP <= cap <= _MOST_CAP or values.shape != grid.shape:
        return ()
    gap = float(np.max(np.abs(values - cap * np.tanh(grid / cap))))
    if gap > 1e-6 * cap:
        return ()
    words = f"equal to {cap:.4g}*tanh(x/{cap:.4g}), deviation {gap:.1e}"
    numbers = (("cap", cap), ("deviation", gap))
    return (behaviour(Relation.EQUAL, "logit-softcap", words, numbers=numbers, differs=f"cap {cap:.4g}"),)


def as_gate(candidate: Candidate) -> tuple[Evidence, ...]:
    """Run the code on two arrays of one shape and compare with known gates."""
    if len(candidate.required) != 2:
        return (not_probed("a gate has two inputs"),)
    first, second = candidate.required

    def gate(u: Array, v: Array) -> Array:
        return array_of(outcome(candidate, {first: tensor_of(u), second: tensor_of(v)}))

    try:
        return probe_gate(gate, gate_references())
    except CodeError as error:
        return (not_probed(str(error)),)


# --- schedules ------------------------------------------------------------------------------------------


def as_schedule(candidate: Candidate) -> tuple[Evidence, ...]:
    """Run the code over steps, with every reading of its parameters that runs; the best verdict wins."""
    best: tuple[Evidence, ...] = (not_probed("it does not run as a learning rate over steps"),)
    if set(candidate.written[-1:]) & set(candidate.required):
        return best  # `lr *= 0.1`: one step of something, not a function of the step
    for values, step, times in _readings(candidate):
        curve = _curve(candidate, values, step, times)
        if curve is None or (times[-1] == 1.0 and np.ptp(curve) < _MOVES * np.max(curve)):
            continue  # a curve that hardly moves over a share of the run was meant for whole steps
        found = probe_schedule(curve)
        if found[0].relation is Relation.EQUAL and found[0].technique != "constant-lr":
            return found
        if _better(found[0], best[0]):
            best = found
    return best


def _better(one: Evidence, other: Evidence) -> bool:
    order = tuple(Relation)
    plain = one.technique == "constant-lr"
    return not plain and order.index(one.relation) < order.index(other.relation)


def _readings(candidate: Candidate) -> Iterator[tuple[dict[str, float], str, Array]]:
    """Values for all parameters but the step, the step's name, and the times to run it at."""
    names = candidate.required
    steps = [name for name in names if _is_time(name)] or [*names[:1]]
    for step in steps[:2]:
        others = [name for name in names if name != step]
        roles = hinted(others, _HINTS)
        for total, times in _clocks(candidate):
            guess = {"warm": 0.1 * total, "low": 0.01, "step": 0.0, "total": total, "rate": 0.1}
            values = {name: float(guess[roles[name]]) for name in others if name in roles}
            for fill in (total, 0.1 * total, 0.95):
                yield {**{name: float(fill) for name in others}, **values}, step, times.astype(np.float64)
                if len(values) == len(others):
                    break


def _clocks(candidate: Candidate) -> Iterator[tuple[int, Array]]:
    """(horizon, times): steps from 0 or 1, a share of the run, and a run that covers the numbers used."""
    yield _STEPS, np.arange(float(_STEPS))
    yield 1, np.linspace(0.0, 1.0, _STEPS)
    yield _STEPS, np.arange(1.0, _STEPS + 1.0)
    numbers = (node.value for node in ast.walk(candidate.source) if isinstance(node, ast.Constant))
    largest = max((n for n in numbers if isinstance(n, int) and 50 < n <= _MOST_STEPS), default=0)
    if largest:
        yield 4 * largest, np.linspace(0.0, 4.0 * largest, 401)


def _is_time(name: str) -> bool:
    return bool(tokens(name) & (_TIME_WORDS | _HINTS["step"])) and "total" not in tokens(name)


def _one_armed(candidate: Candidate) -> bool:
    """Whether bare code sets something under a condition without an `else`."""
    if isinstance(candidate.source, (ast.FunctionDef, ast.ClassDef, ast.Lambda)):
        return False
    return any(isinstance(node, ast.If) and not node.orelse for node in ast.walk(candidate.source))


def _curve(candidate: Candidate, values: Mapping[str, Value], step: str, times: Array) -> Array | None:
    whole = float(times[-1]) > 1.0
    fixed = {key: int(value) if value == int(value) and whole else value for key, value in values.items()}
    rates: list[float] = []
    try:
        rates.extend(
            number_of(outcome(candidate, {**fixed, step: int(time) if whole else float(time)}))
            for time in times
        )
    except CodeError:
        if len(rates) < _LEAST_SET * len(times):
            return None
        if len(rates) < _CUT_SHORT * len(times):
            if not _one_armed(candidate):
                return None
            rates += [rates[-1]] * (len(times) - len(rates))  # what no longer sets the rate leaves it alone
    curve = np.array(rates)
    return curve if np.all(np.isfinite(curve)) and np.min(curve) >= -1e-12 else None
