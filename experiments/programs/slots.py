"""The functions of a program, called across the wall: arguments go in, arrays come out, the parent judges.

A track hands over shapes, times or hidden values, never an image, a label, a loss or the trial's seed. What
comes back is checked for type, shape and finiteness, and asked a second time in another order: a function
that answers differently is no function (`impure`), for a value that depends on when it is asked could
depend on being watched.

A process can remember what it said, and repeat it where a question comes back while it treats new ones by
row, batch or step. So a sample of all that the activation answered in a trial is asked once more, of a fresh
process that remembers nothing: whatever depended on more than the number asked shows there.
"""

from __future__ import annotations

import ast
import marshal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from ..sandbox import Code, Confined, Level, Limits, Rejected, spawn
from .answers import ERROR_BYTES, FloatArray, most_bytes, read_answer
from .canonical import Program

__all__ = ["SLOT_FUNCTIONS", "Confinable", "SlotProgram", "check_slots", "imports"]

SLOT_FUNCTIONS: Final = ("activation", "initialiser", "schedule")

_HOST: Final = Path(__file__).resolve().parent / "guest_slots.py"
_LOAD_S: Final = 30.0
_CALL_S: Final = 40.0  # machines are shared: processor time is what is really limited
_MEMORY: Final = 1 << 30
# Processor time of one trial: 50 times what the slowest honest program of the corpus uses.
_LIMITS: Final = Limits(memory_bytes=_MEMORY, cpu_seconds=60, wall_seconds=600.0)
# Relative: two calls of one function may differ by vector and scalar kernels, in float32 if it computes so.
_SAME: Final = 1e-6
_SAME_SLOPE: Final = 0.02  # a central difference of float32 values has no more digits
_REASKED: Final = 8
_REMEMBERED: Final = 256
_AUDITED: Final = 2048  # answers of a trial that a fresh process must repeat


@dataclass(frozen=True, slots=True)
class Confinable:
    """A program and the walls behind which it may run."""

    program: Program
    level: Level
    gpu: bool = False
    """Bind GPU devices and allow threads and compilers: the operator's choice, never a peer's."""


def check_slots(program: Program) -> frozenset[str]:
    """The slot functions that a program defines; Rejected(PROGRAM_SLOTS) if it defines none."""
    found = program.defines & frozenset(SLOT_FUNCTIONS)
    if not found:
        raise Rejected(
            Code.PROGRAM_SLOTS, f"the program defines none of the functions {', '.join(SLOT_FUNCTIONS)}"
        )
    return found


class SlotProgram:
    """A program in its sandbox, for one trial. A context manager: leaving it ends the process."""

    def __init__(self, code: Confinable, draw: np.random.RandomState) -> None:
        self.defines = check_slots(code.program)
        self._draw = draw  # order of questions and the seed of the program's numbers; never shown to it
        self._child: Confined = spawn(_HOST, code.level, imports=imports(code.program.source), limits=_LIMITS)
        self._code = code
        self._known = np.empty((2, 0))  # values that `activate` was asked before, and its answers
        self._said: list[FloatArray] = []  # samples of values, answers and slopes, (3, n) each
        try:
            self._ask(("load", code.program.source), (), _LOAD_S)
        except Rejected:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is None and self._said:
            self._audit()

    def close(self) -> None:
        """End the process."""
        self._child.close()

    def initialise(self, fans: Sequence[tuple[int, int]]) -> list[FloatArray]:
        """Weights of all layers: (fan_out, fan_in) for each (fan_in, fan_out)."""
        shapes = [(fan_out, fan_in) for fan_in, fan_out in fans]
        return self._ask(("initialiser", tuple(fans), int(self._draw.randint(2**31))), shapes, _CALL_S)

    def rates(self, times: Sequence[float]) -> FloatArray:
        """The schedule at each time; asked twice, the second time shuffled."""
        (rates,) = self._ask(("schedule", tuple(times)), [(len(times),)], _CALL_S)
        order = self._draw.permutation(len(times))
        shuffled = tuple(float(times[i]) for i in order)
        (again,) = self._ask(("schedule", shuffled), [(len(times),)], _CALL_S)
        _same(again, rates[order], "schedule")
        return rates

    def activate(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values and derivatives at each element of x, asked in random order among known questions.

        Shapes as x. The function cannot tell row, unit, layer or step, and must be one for all of them.
        """
        flat = x.ravel()
        known = (
            self._known[:, self._draw.randint(self._known.shape[1], size=_REASKED)]
            if self._known.size
            else _NONE
        )
        asked = np.concatenate([flat, known[0]])
        order = self._draw.permutation(len(asked))
        shape = (len(asked),)
        answer = self._ask(("activation", asked[order].tobytes()), [shape, shape], _CALL_S, finite=False)
        values, slopes = np.empty(shape), np.empty(shape)
        values[order], slopes[order] = answer
        try:
            _same(values[len(flat) :], known[1], "activation")
        except Rejected:
            self._said.clear()  # it needs no further audit
            raise
        self._remember(flat, values, slopes)
        return values[: len(flat)].reshape(x.shape), slopes[: len(flat)].reshape(x.shape)

    def _remember(self, flat: FloatArray, values: FloatArray, slopes: FloatArray) -> None:
        if len(flat) == 0:
            return
        places = self._draw.randint(len(flat), size=_REASKED)
        fresh = np.stack([flat[places], values[places], slopes[places]])
        self._said.append(fresh)
        self._known = np.concatenate([self._known, fresh[:2]], axis=1)
        if self._known.shape[1] > _REMEMBERED:
            self._known = self._known[:, self._draw.permutation(self._known.shape[1])[:_REMEMBERED]]

    def _audit(self) -> None:
        """Rejected(IMPURE) unless a fresh process repeats a sample of what the activation answered."""
        said = np.concatenate(self._said, axis=1)
        x, values, slopes = said[:, self._draw.permutation(said.shape[1])[:_AUDITED]]
        with SlotProgram(self._code, self._draw) as fresh:
            again, slopes_again = fresh.activate(x)
            fresh._said.clear()
        _same(again, values, "activation, asked once more in a fresh process,")
        _same(slopes_again, slopes, "the derivative of activation, in a fresh process,", _SAME_SLOPE)

    def _ask(
        self,
        request: tuple[Any, ...],
        shapes: Sequence[tuple[int, ...]],
        seconds: float,
        *,
        finite: bool = True,
    ) -> list[FloatArray]:
        most = max(ERROR_BYTES, most_bytes(shapes))
        return read_answer(self._child.ask(marshal.dumps(request), most, seconds), shapes, finite=finite)


_NONE: Final = np.empty((2, 0))


def _same(again: FloatArray, before: FloatArray, what: str, slack: float = _SAME) -> None:
    """Rejected(IMPURE) unless two answers to one question agree; NaN agrees with NaN."""
    with np.errstate(invalid="ignore"):
        close = np.abs(again - before) <= slack * (1.0 + np.abs(before))
    if not (close | (again == before) | (np.isnan(again) & np.isnan(before))).all():
        raise Rejected(Code.IMPURE, f"{what} gave two answers to one question; it must be a function")


def imports(source: str) -> tuple[str, ...]:
    """Packages to load before the walls close: NumPy always, torch only for programs that name it."""
    names = {
        (alias.name if isinstance(node, ast.Import) else node.module or "").split(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    return ("numpy", "torch") if "torch" in names else ("numpy",)
