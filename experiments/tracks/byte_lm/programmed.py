"""byte-lm with a stranger's functions: Python code in a sandbox, in place of parts of the recipe.

    model(context)           a torch module from bytes (n, length) int64 to logits (n, length, 256)
    optimizer(parameters)    of (name, tensor) pairs: an object with `step()`, e.g. a torch optimizer
    initialiser, activation, schedule    as on deep-mlp (`programs.slots`); matrices count as layers

What is not defined comes from the recipe. Without `model` the net is ours: it is trained in this process,
and the stranger's code sees shapes, hidden values or gradients. With `model` all of the training happens on
the other side of the wall: the same windows in the same batches, in processor time counted from outside.
Only windows that have a turn go over, or a program could read text that its recipe's operations do not pay
for; `initialiser` and `activation` are then the program's own business and are not called.

Validation of a stranger's model is sequential: the beginnings of all windows go over, the next byte's
distribution comes back and is settled, then the beginnings go over one byte longer. No byte is shown before
it was predicted, so there is nothing to look ahead to; decoys still tell a model whose rows leak into each
other.

Operations of a strange model or optimizer cannot be counted, its processor time can: it may use _SLACK times
what the budget's operations take the reference on this machine, measured beforehand. It is the reference and
not the recipe, whose elementwise work and tiny batches are free of operations and could buy minutes. Such
trials are therefore as repeatable as the program, and fairness between machines is that of their clocks. Not
covered: within that time a strange model may go over its windows again, or learn from what it has predicted.
"""

from __future__ import annotations

import marshal
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import torch

from leaderboard.errors import Refused

from ...expr import ExprError
from ...programs.answers import ERROR_BYTES, FloatArray, most_bytes, read_answer
from ...programs.asking import asking
from ...programs.slots import SLOT_FUNCTIONS, Confinable, SlotProgram
from ...recipe import Recipe
from ...sandbox import Code, Confined, Limits, Rejected, spawn
from . import track
from .budget import CPU
from .design import VOCABULARY, Design
from .draws import stream
from .net import Gpt
from .training import Job, Parts, batches_of, parts_of, train

__all__ = ["answer"]

_PROGRAM: Final = 7  # purpose of a random stream, after the examiner's
_OWN: Final = ("model", "optimizer")
_HOST: Final = Path(__file__).resolve().parent / "guest_model.py"
_LIMITS: Final = Limits(memory_bytes=2 << 30, cpu_seconds=300, wall_seconds=900.0)
_LOAD_S: Final = 60.0
_CALL_S: Final = 600.0  # wall time on a shared machine; processor time is what is really limited
_SLACK: Final = 2.0  # a stranger's model may be that much slower per operation than ours; a guess
_IMPORTS_S: Final = 30.0  # processor seconds that loading torch takes at most, from a cold disk
_START_S: Final = 3.0  # processor seconds beside the training: first calls, allocation
_YARDSTICK: Final = 24  # steps of our own net that measure this machine


def answer(
    recipe: Recipe,
    code: Confinable,
    seed: int,
    inputs: Mapping[str, np.ndarray],
    ulps: int = 0,
) -> dict[str, np.ndarray]:
    """Train with the program's functions and answer the validation windows, as `runner.run` does."""
    defines = code.program.defines & {*_OWN, *SLOT_FUNCTIONS}
    if not defines:
        names = ", ".join((*_OWN, *SLOT_FUNCTIONS))
        raise Rejected(Code.PROGRAM_SLOTS, f"the program defines none of the functions {names}")
    if code.gpu:
        raise Refused("programs of byte-lm run on the processor")
    torch.set_num_threads(1)
    job = Job(seed, inputs, lambda _step, _steps: None, ulps, CPU)
    try:
        parts = parts_of(recipe, seed, CPU)
    except ExprError:
        parts = None
    if parts is None:
        return job.nothing()
    if "model" in defines:
        return _foreign_model(_with_schedule(parts, code, job, defines), code, job)
    return _own_model(parts, code, job, defines)


# --- our net, a stranger's functions ------------------------------------------------------------------------


def _own_model(parts: Parts, code: Confinable, job: Job, defines: frozenset[str]) -> dict[str, np.ndarray]:
    allowed = _allowed_seconds(job) if "optimizer" in defines else 0.0
    if not defines & set(SLOT_FUNCTIONS):
        return _with_optimizer(parts, code, job, allowed)
    with SlotProgram(code, stream(job.seed, _PROGRAM)) as functions:
        if "initialiser" in defines:
            matrices = list(parts.design.matrices())
            drawn = functions.initialise([(matrix.fan_in, matrix.fan_out) for matrix in matrices])
            names = (matrix.name for matrix in matrices)
            parts = replace(parts, weights=dict(zip(names, drawn, strict=True)))
        if "schedule" in defines:
            parts = _scheduled(parts, functions)
        if "activation" in defines:
            parts = replace(parts, activate=asking(functions))
        return _with_optimizer(parts, code, job, allowed) if "optimizer" in defines else train(parts, job)


def _scheduled(parts: Parts, functions: SlotProgram) -> Parts:
    times = [step / parts.steps for step in range(parts.steps)]
    return replace(parts, multipliers=[float(rate) for rate in functions.rates(times)])


def _with_optimizer(parts: Parts, code: Confinable, job: Job, allowed: float) -> dict[str, np.ndarray]:
    with _Guest(code, allowed) as guest:
        return train(replace(parts, updates=lambda _design, net: [_Across(net, guest)]), job)


class _Across:
    """The update rule on the other side: gradients go over, new values come back."""

    def __init__(self, net: Gpt, guest: _Guest) -> None:
        self._guest = guest
        named = list(net.named_parameters())
        self._values = [value for _, value in named]
        self._size = sum(value.numel() for value in self._values)
        shapes = tuple((name.rpartition(".")[2], tuple(value.shape)) for name, value in named)
        guest.ask(("hold", shapes, self._flat(self._values)))

    @staticmethod
    def _flat(values: Iterable[torch.Tensor]) -> bytes:
        return torch.cat([value.detach().reshape(-1).double() for value in values]).numpy().tobytes()

    @torch.no_grad()
    def step(self, multiplier: float) -> None:
        gradients = [torch.zeros_like(v) if v.grad is None else v.grad for v in self._values]
        (moved,) = self._guest.ask(("move", self._flat(gradients), multiplier), (self._size,), finite=False)
        parts = torch.split(torch.from_numpy(moved), [value.numel() for value in self._values])
        for value, part in zip(self._values, parts, strict=True):
            value.copy_(part.reshape(value.shape))


# --- a stranger's model -------------------------------------------------------------------------------------


def _with_schedule(parts: Parts, code: Confinable, job: Job, defines: frozenset[str]) -> Parts:
    """The parts with the program's own schedule, if it has one."""
    if "schedule" not in defines:
        return parts
    with SlotProgram(code, stream(job.seed, _PROGRAM)) as functions:
        return _scheduled(parts, functions)


def _foreign_model(parts: Parts, code: Confinable, job: Job) -> dict[str, np.ndarray]:
    """Train and question a model on the other side of the wall."""
    allowed = _allowed_seconds(job)
    questions = job.inputs["questions"]
    context, scored = job.budget.context, job.budget.scored
    logits = np.empty((len(questions), scored, VOCABULARY), np.float32)
    with _Guest(code, allowed) as guest:
        multipliers = tuple(map(float, parts.multipliers))
        dials = (parts.design.lr, parts.design.weight_decay)
        guest.ask(("train", _due(parts, job), context, parts.design.batch, multipliers, dials))
        for place in range(scored):
            shown = np.ascontiguousarray(questions[:, : context - scored + place + 1])
            request = ("predict", shown.tobytes(), len(shown))
            (answers,) = guest.ask(request, (len(shown), VOCABULARY), finite=False)
            with np.errstate(over="ignore"):
                logits[:, place] = answers
    return {"logits": logits}


def _due(parts: Parts, job: Job) -> bytes:
    """The windows of the run, context + 1 bytes each, in the order of their turns; no other of the text."""
    context = job.budget.context
    every = np.lib.stride_tricks.sliding_window_view(job.inputs["text"], context + 1)[::context]
    due: bytes = every[batches_of(parts, job).reshape(-1).numpy()].tobytes()
    return due


def _allowed_seconds(job: Job) -> float:
    """Processor seconds for training and questions, by what the reference takes on this machine."""
    parts = parts_of(track().reference, job.seed, job.budget)
    assert parts is not None  # the reference fits its own budget
    few = replace(job, inputs={**job.inputs, "questions": job.inputs["questions"][:1]})
    train(
        replace(parts, steps=1), few
    )  # loads what torch loads at its first step: seconds that are no training
    trial = replace(parts, steps=min(_YARDSTICK, parts.steps))
    start = time.process_time()
    train(trial, few)
    per_step = (time.process_time() - start) / trial.steps
    design: Design = parts.design
    training = per_step * parts.steps
    # Questions are forward passes, a third of a training step each, over ever longer beginnings.
    budget = job.budget
    asked = len(job.inputs["questions"]) * budget.scored * 0.75
    return _SLACK * (training + per_step / 3 * asked / design.batch) + _START_S


class _Guest:
    """The confined process that holds a stranger's model or optimizer; a context manager."""

    def __init__(self, code: Confinable, allowed: float) -> None:
        # The kernel ends what is far beyond; what is a little beyond is seen at the next answer.
        limits = replace(_LIMITS, cpu_seconds=min(_LIMITS.cpu_seconds, math.ceil(allowed + _IMPORTS_S)))
        self._child: Confined = spawn(_HOST, code.level, imports=("numpy", "torch"), limits=limits)
        self._allowed = allowed
        self._before = self._child.cpu_seconds()
        try:
            self._load(code.program.source)
        except Rejected:
            self._child.close()
            raise

    def _load(self, source: str) -> None:
        answer = self._child.ask(marshal.dumps(("load", source)), ERROR_BYTES, _LOAD_S)
        read_answer(answer, (), finite=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.close()

    def ask(
        self, request: tuple[Any, ...], *shapes: tuple[int, ...], finite: bool = True
    ) -> list[FloatArray]:
        """The arrays of these shapes that answer a request; Rejected for others, or past the time."""
        most = max(ERROR_BYTES, most_bytes(shapes))
        answer = self._child.ask(marshal.dumps(request), most, _CALL_S)
        if (spent := self._child.cpu_seconds() - self._before) > self._allowed:
            raise Rejected(
                Code.TIME_LIMIT,
                f"{spent:.1f} s of processor time; this budget allows {self._allowed:.1f} s on this machine",
            )
        return read_answer(answer, shapes, finite=finite)
