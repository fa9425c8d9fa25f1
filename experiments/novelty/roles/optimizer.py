"""Foreign code as an optimizer: a class with `step`, a function of a gradient, or a bare update."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..probes.optimizer import Stepper, probe_optimizer
from ..probes.report import not_probed
from ..structure.code.candidates import Candidate
from ..structure.code.values import CodeError, Record, Value, is_tensor
from ..verdict import Evidence
from .binding import Array, array_of, hinted, tensor_of, tokens

__all__ = ["as_optimizer", "hints_at_optimizer"]

_HINTS: Mapping[str, frozenset[str]] = {
    "gradient": frozenset({"g", "grad", "grads", "gradient", "gradients", "dw", "dp", "dx", "dtheta"}),
    "rate": frozenset({"lr", "eta", "rate", "stepsize", "a"}),
    "count": frozenset({"t", "step", "i", "k", "n", "it", "count", "steps"}),
    "second": frozenset({"beta2", "b2", "rho", "decay2"}),
    "first": frozenset(
        {"beta1", "b1", "beta", "b", "mu", "momentum", "decay", "gamma", "alpha", "rho", "nu", "c"}
    ),
    "tiny": frozenset({"eps", "epsilon", "e", "delta"}),
    "pull": frozenset({"wd", "weight", "lambda", "lam", "l2", "lmbda"}),
    "state": frozenset(
        {"state", "st", "cache", "memory", "buf", "buffer", "m", "v", "s", "h", "r", "u", "vel", "acc"}
    ),
}
_PARAMETER = frozenset({"p", "param", "params", "theta", "w", "weights", "x", "parameter", "q"})
_BEFORE = frozenset({"prev", "previous", "old", "last", "before"})
_PLAIN = "sgd"
_VALUES = {"rate": 0.01, "second": 0.999, "first": 0.9, "tiny": 1e-8, "pull": 0.0}


def hints_at_optimizer(candidate: Candidate) -> bool:
    """Whether the names speak of a gradient, or the code reads one."""
    return any(tokens(name) & _HINTS["gradient"] for name in candidate.required) or candidate.reads_gradient


def as_optimizer(candidate: Candidate) -> tuple[Evidence, ...]:
    """Step the code through gradients, carrying over whatever state it keeps."""
    gradient = next((n for n in candidate.required if tokens(n) & _HINTS["gradient"]), None)
    parameter = _parameter_of(candidate, gradient)
    if parameter is None and gradient is None:
        return (not_probed("no parameter or gradient to step"),)
    for direct in (True, False):
        plain = _maker(candidate, parameter, gradient, direct=direct)
        for make in (plain, _on_matrices(plain)):
            try:
                make()(np.ones(6), np.full(6, 0.5))
                found = probe_optimizer(make)
                branches = any(isinstance(node, (ast.If, ast.IfExp)) for node in ast.walk(candidate.source))
                if branches and found[0].technique == _PLAIN:
                    return (not_probed("a plain step here, and something else under a condition"),)
                if len(candidate.required) == 1 and found[0].technique == _PLAIN:
                    return (not_probed("it gives back what it got, or nearly"),)
                return found
            except (CodeError, ValueError):
                continue
    return (not_probed("it does not run as an update of parameters"),)


def _parameter_of(candidate: Candidate, gradient: str | None) -> str | None:
    names = [name for name in candidate.required if name != gradient]
    hinted_name = next((name for name in names if tokens(name) & _PARAMETER), None)
    if hinted_name is not None or not names:
        return hinted_name
    holder = next((name for name in names if name in candidate.holders), None)
    return (holder or names[0]) if candidate.reads_gradient and gradient is None else None


class _Memory(dict[Value, Value]):
    """A state that starts as an empty dictionary, of which code may also read what it has not yet set."""

    def __init__(self, g: Array) -> None:
        super().__init__()
        self._like = g

    def __missing__(self, key: Value) -> Value:
        name = key if isinstance(key, str) else "state"
        value = _fresh(name, self._like, kept=hinted((name,), _HINTS).get(name) != "count")
        return self.setdefault(key, value)


@dataclass(slots=True)
class _Carrier:
    """One run of the code as an optimizer: which names are what, and the state it keeps."""

    candidate: Candidate
    parameter: str | None
    gradient: str | None
    direct: bool
    state: dict[str, Value] = field(default_factory=dict)
    clock: int = 0

    def step(self, p: Array, g: Array) -> Array:
        self.clock += 1
        values = self._values(p, g)
        return self._new_parameter(self.candidate.run(values), values, p)

    def _values(self, p: Array, g: Array) -> dict[str, Value]:
        """Values for all required names: the parameter with its gradient, kept state, and usual constants."""
        tensor, slope = tensor_of(p), tensor_of(g)
        tensor.foreign_grad = slope
        others = [n for n in self.candidate.required if n not in {self.parameter, self.gradient}]
        roles = hinted(others, _HINTS)
        values = {name: self._value(name, roles.get(name, ""), p, g) for name in others}
        if self.parameter is not None:
            held = self.parameter in self.candidate.holders
            values[self.parameter] = _model_of(tensor) if held else tensor
        if self.gradient is not None:
            values[self.gradient] = slope
        return values

    def _value(self, name: str, role: str, p: Array, g: Array) -> Value:
        written = name in self.candidate.written
        if name in self.state:
            return self.state[name]
        if role == "count":
            return self.clock - 1 if written else self.clock
        if tokens(name) & _BEFORE and self.parameter is not None and tokens(name) & tokens(self.parameter):
            return self.state.setdefault(name, tensor_of(p))
        if name in self.candidate.records:
            memory = self.candidate.kept_fields
            return self.state.setdefault(name, Record(lambda field: _fresh(field, g, kept=field in memory)))
        kept = name in self.candidate.stored and not (role == "rate" and len(name) > 1)
        if written or kept or role == "state":
            keyed = name in self.candidate.keyed
            return self.state.setdefault(name, _Memory(g) if keyed else tensor_of(0.0 * g))
        return _VALUES.get(role, 0.9)

    def _new_parameter(self, result: Value, values: Mapping[str, Value], p: Array) -> Array:
        if self.candidate.kind == "snippet" and self.parameter not in self.candidate.holders:
            return self._of_snippet(result, values, p)
        given = values.get(self.parameter or "")
        if isinstance(given, Record):
            return array_of(given.fields["parameter"])
        if is_tensor(given) and not np.array_equal(array_of(given), p):
            return array_of(given)  # changed in place
        if isinstance(result, (tuple, list)) and result:
            counts = {n for n, role in hinted(self.candidate.required, _HINTS).items() if role == "count"}
            kept = [n for n in self.candidate.required if n in self.state or n in counts]
            self.state |= dict(zip(kept, result[1:], strict=False))
            result = result[0]
        if not is_tensor(result) or result.dim() == 0:
            raise CodeError("the update gives no array")
        return array_of(result) if self.direct and self.parameter is not None else p - array_of(result)

    def _of_snippet(self, result: Mapping[str, Value], values: Mapping[str, Value], p: Array) -> Array:
        written = self.candidate.written
        self.state |= {name: result[name] for name in written if name in values and name != self.parameter}
        if self.parameter is not None and self.parameter in result:
            return array_of(result[self.parameter])
        last = next((n for n in reversed(written) if n in result and is_tensor(result[n])), None)
        if last is None:
            raise CodeError("the snippet changes no array")
        return p - array_of(result[last])


def _model_of(tensor: Value) -> Record:
    """Something with one parameter, for code that walks over the parameters of a model."""

    def no_field(name: str) -> Value:
        raise CodeError(f"a model has no {name!r} here")

    fields = {
        "parameter": tensor,
        "parameters": lambda: [tensor],
        "named_parameters": lambda: [("weight", tensor)],
    }
    return Record(no_field, fields)


def _fresh(name: str, g: Array, *, kept: bool) -> Value:
    """The first value of a record's field: zeros if the code sets it, else a usual constant for its name."""
    role = hinted((name,), _HINTS).get(name, "state")
    if role == "count":
        return 0
    if kept:
        return tensor_of(0.0 * g)
    return _VALUES[role] if role in _VALUES else tensor_of(0.0 * g)


def _maker(
    candidate: Candidate, parameter: str | None, gradient: str | None, *, direct: bool
) -> Callable[[], Stepper]:
    """A factory of steppers; `direct` reads a returned array as the new parameter, else as the change."""

    def make() -> Stepper:
        fresh = candidate.renew() if candidate.renew is not None else candidate
        return _Carrier(fresh, parameter, gradient, direct).step

    return make


def _on_matrices(make: Callable[[], Stepper]) -> Callable[[], Stepper]:
    """The same rule for code that steps matrices only: a vector is given to it as a matrix of two rows."""

    def remade() -> Stepper:
        step = make()

        def shaped(p: Array, g: Array) -> Array:
            if p.ndim != 1:
                return step(p, g)
            return np.asarray(step(p.reshape(2, -1), g.reshape(2, -1))).reshape(-1)

        return shaped

    return remade
