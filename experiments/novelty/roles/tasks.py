"""Foreign code as an answer to a task: run on its inputs and compared with what known techniques compute.

The names of parameters are not asked, only how many there are; every order in which a task's inputs may come
is tried.  Parameters beyond the inputs are settings and get numbers that the comparison then knows.  Arrays
are given as arrays, and once more as plain lists where that fails (code in loops over lists).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np

from ..probes.report import behaviour, not_probed
from ..structure.code.candidates import Candidate
from ..structure.code.values import CodeError, Value, is_tensor
from ..tasks.boxes import BOX_TASKS
from ..tasks.decisions import DECISION_TASKS
from ..tasks.embeddings import EMBEDDING_TASKS
from ..tasks.losses import LOSS_TASKS
from ..tasks.norms import NORM_TASKS
from ..tasks.pieces import PIECE_TASKS
from ..tasks.positions import POSITION_TASKS
from ..tasks.task import Answer, Input, Match, Task, draws_of, match_answers
from ..tasks.votes import VOTE_TASKS
from ..verdict import Evidence, Relation
from .binding import Array, array_of, outcome, tensor_of, tokens

__all__ = ["as_task", "numbers_of", "settings_of"]

_MOST_SETTINGS = 3  # parameters beyond the inputs
_MOST_NUMBERS = 16  # of those that stand in the code
_RUNS = 160  # of one candidate over all tasks, those that fail at once included
_STEPS = 60_000  # of the interpreter over all tasks; some 0.1 s
_TINY = frozenset({"eps", "epsilon", "tiny"})
_FILL = (0.37, 0.61, 0.83)  # unlikely to be meant for anything else
_WHOLE_FILL = 2

_TASKS = (
    *LOSS_TASKS,
    *BOX_TASKS,
    *EMBEDDING_TASKS,
    *NORM_TASKS,
    *PIECE_TASKS,
    *POSITION_TASKS,
    *DECISION_TASKS,
    *VOTE_TASKS,
)


def as_task(candidate: Candidate) -> tuple[Evidence, ...]:
    """Evidence if the code gives a known technique's answer to any task."""
    names = candidate.required
    if not names or len(names) > _MOST_SETTINGS + 4:
        return (not_probed("it takes no inputs, or too many"),)
    numbers = numbers_of(candidate)
    left, least = _RUNS, candidate.left() - _STEPS
    for extra in range(min(_MOST_SETTINGS, len(names) - 1) + 1):
        for task in _TASKS:
            if len(_inputs(task)[0]) != len(names) - extra:
                continue
            for order in _orders(task, names, extra):
                left -= 1
                if left < 0 or candidate.left() < least:
                    return (not_probed("no task that it answers was found"),)
                found = _answered(candidate, task, order, numbers)
                if found is not None and _has_form(candidate.source, found.answer.form):
                    return (_evidence(task, found),)
    return (not_probed("it answers no task as a known technique does"),)


def _orders(task: Task, names: Sequence[str], extra: int) -> Iterator[tuple[str, ...]]:
    """Which parameter gets which input: the first ones in each of the task's orders; settings come last,
    or first where the task has one order only."""
    count = len(names) - extra
    for order in task.orders or (tuple(range(count)),):
        placed = dict(zip(order, names[:count], strict=True))
        chosen = tuple(placed[at] for at in range(count))
        if not _against_hints(task, chosen):
            yield chosen


def _against_hints(task: Task, chosen: Sequence[str]) -> bool:
    """Whether a name speaks of another input than the one it would get."""
    for at, name in enumerate(chosen[: len(task.hints)]):
        words = tokens(name)
        others = [hint for other, hint in enumerate(task.hints) if other != at]
        if words & frozenset().union(*others) and not words & task.hints[at]:
            return True
    return False


def _answered(
    candidate: Candidate, task: Task, order: Sequence[str], numbers: Sequence[float]
) -> Match | None:
    for as_lists in (False, True):
        given: list[Array] = []
        try:
            for values in _inputs(task):
                given.append(_run(candidate, order, values, as_lists=as_lists))
                if len(given) == 1 and not _plausible(task, values, given[0], numbers):
                    break
        except (CodeError, ValueError, ArithmeticError, LookupError, TypeError, RuntimeError):
            continue
        if len(given) == len(_inputs(task)):
            return match_answers(task, _inputs(task), given, numbers)
        return None
    return None


def _plausible(task: Task, values: tuple[Input, ...], given: Array, numbers: Sequence[float]) -> bool:
    """Whether the first draw alone has an answer: most code is told apart here."""
    return bool(np.all(np.isfinite(given)) or task.mask) and (
        match_answers(task, [values], [given], numbers) is not None
    )


@lru_cache(maxsize=256)
def _inputs(task: Task) -> list[tuple[Input, ...]]:
    return draws_of(task)


def _run(candidate: Candidate, order: Sequence[str], values: tuple[Input, ...], *, as_lists: bool) -> Array:
    fresh = candidate.renew() if candidate.renew is not None else candidate
    bound: dict[str, Value] = {
        name: _value(value, as_lists=as_lists) for name, value in zip(order, values, strict=True)
    }
    rest = [name for name in candidate.required if name not in bound]
    bound |= settings_of(rest)
    return array_of(_plain(outcome(fresh, bound)))


_WHOLE = frozenset({"mean", "var", "std", "sum", "average"})


def _has_form(source: ast.AST, form: str) -> bool:
    if form == "loops":
        return any(isinstance(node, (ast.For, ast.While, ast.comprehension)) for node in ast.walk(source))
    return not form or _in_one_pass(source)


def _in_one_pass(source: ast.AST) -> bool:
    """Whether the code has one loop, no sums of whole arrays, and corrects a running mean inside the loop."""
    calls = (node.func for node in ast.walk(source) if isinstance(node, ast.Call))
    names = {f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in calls}
    loops = [node for node in ast.walk(source) if isinstance(node, (ast.For, ast.While))]
    if len(loops) != 1 or names & _WHOLE:
        return False
    inside = [node.op for node in ast.walk(loops[0]) if isinstance(node, ast.BinOp)]
    return any(isinstance(op, ast.Sub) for op in inside) and any(isinstance(op, ast.Div) for op in inside)


def _plain(value: Value) -> Value:
    """A lone value, also where it comes with others that are no arrays of its size (a loss and its parts)."""
    if isinstance(value, tuple) and value and is_tensor(value[0]):
        return value[0]
    return value


def settings_of(names: Sequence[str]) -> Mapping[str, Value]:
    """Numbers for parameters that are no inputs; unlikely ones, by which they are known again."""
    found: dict[str, Value] = {}
    for at, name in enumerate(names):
        found[name] = 1e-8 if tokens(name) & _TINY else _FILL[at % len(_FILL)]
    return found


def _value(value: Input, *, as_lists: bool) -> Value:
    if isinstance(value, (int, float)):
        return value
    if as_lists:
        return value.tolist()
    tensor = tensor_of(np.asarray(value, dtype=np.float64))
    return tensor.long() if np.issubdtype(value.dtype, np.integer) else tensor


def numbers_of(candidate: Candidate) -> tuple[float, ...]:
    """Numbers that stand in the code, their inverses, and those that settings are given."""
    found: dict[float, None] = dict.fromkeys(_FILL[: max(0, len(candidate.required) - 1)])
    for node in ast.walk(candidate.source):
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            number = float(node.value)
            if number not in {0.0, 1.0} and abs(number) < 1e6:
                found.setdefault(number)
                found.setdefault(1.0 / number)
    for sign in (-1.0,):
        for node in ast.walk(candidate.source):
            if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
                inner = node.operand
                if isinstance(inner, ast.Constant) and isinstance(inner.value, (int, float)):
                    found.setdefault(sign * float(inner.value))
    return tuple([*found][:_MOST_NUMBERS])


def _evidence(task: Task, match: Match) -> Evidence:
    answer: Answer = match.answer
    words = f"on {len(_inputs(task))} draws of {task.name} it computes what {answer.technique} does"
    numbers = (
        ("deviation", match.deviation),
        *((f"setting {k + 1}", s) for k, s in enumerate(match.settings)),
    )
    if task.loss:
        numbers = (*numbers, ("factor", match.factor))
    return behaviour(Relation.EQUAL, answer.technique, words, numbers=numbers, mode=answer.mode)
