"""Foreign code as what is done to gradients between the backward pass and the step.

It walks over parameters (a list, or a model's) and changes their `.grad`; the parameters stay.
"""

from __future__ import annotations

import ast

import numpy as np

from ..probes.report import behaviour, not_probed
from ..structure.code.candidates import Candidate
from ..structure.code.values import CodeError, Record, Value
from ..tasks.gradients import GRADIENT_TASK, split
from ..tasks.task import draws_of, match_answers
from ..verdict import Evidence, Relation
from .binding import Array, array_of, tensor_of
from .tasks import numbers_of, settings_of

__all__ = ["as_gradient_change"]


def as_gradient_change(candidate: Candidate) -> tuple[Evidence, ...]:
    """Evidence if the code does to gradients what a known technique does."""
    holder = _holder(candidate)
    if holder is None or not candidate.reads_gradient:
        return (not_probed("it does not walk over parameters with gradients"),)
    draws = draws_of(GRADIENT_TASK)
    numbers = numbers_of(candidate)
    try:
        given = [_changed(candidate, holder, *draw) for draw in draws]
    except (CodeError, ValueError, ArithmeticError, LookupError, TypeError, RuntimeError):
        return (not_probed("it does not run on parameters with gradients"),)
    found = match_answers(GRADIENT_TASK, draws, given, numbers)
    if found is None:
        return (not_probed("it changes gradients in no known way"),)
    technique = found.answer.technique
    words = f"on {len(draws)} draws of weights and gradients it does to the gradients what {technique} does"
    settings = tuple((f"setting {k + 1}", value) for k, value in enumerate(found.settings))
    return (
        behaviour(
            Relation.EQUAL,
            technique,
            words,
            numbers=(("deviation", found.deviation), *settings),
            mode=found.answer.mode,
        ),
    )


def _holder(candidate: Candidate) -> str | None:
    """The name over which the code loops for parameters, or which it asks for them."""
    held = [name for name in candidate.required if name in candidate.holders]
    if held:
        return held[0]
    loops = [n.iter for n in ast.walk(candidate.source) if isinstance(n, (ast.For, ast.comprehension))]
    names = [name.id for loop in loops for name in ast.walk(loop) if isinstance(name, ast.Name)]
    return next((name for name in names if name in candidate.required), None)


def _changed(candidate: Candidate, holder: str, weights: object, gradients: object) -> Array:
    tensors: list[Value] = []
    for weight, gradient in zip(split(np.asarray(weights)), split(np.asarray(gradients)), strict=True):
        tensor = tensor_of(weight)
        tensor.foreign_grad = tensor_of(gradient)
        tensors.append(tensor)
    rest = [name for name in candidate.required if name != holder]
    before = [array_of(tensor).copy() for tensor in tensors]
    candidate.run({**settings_of(rest), holder: _given(candidate, holder, tensors)})
    if any(not np.array_equal(old, array_of(new)) for old, new in zip(before, tensors, strict=True)):
        raise CodeError("it changes the parameters themselves")
    return np.concatenate([array_of(tensor.foreign_grad).ravel() for tensor in tensors])


def _given(candidate: Candidate, holder: str, tensors: list[Value]) -> Value:
    if holder not in candidate.holders:
        return tensors

    def no_field(name: str) -> Value:
        raise CodeError(f"a model has no {name!r} here")

    named = [(f"layer{at}.weight", tensor) for at, tensor in enumerate(tensors)]
    return Record(no_field, {"parameters": lambda: tensors, "named_parameters": lambda: named})
