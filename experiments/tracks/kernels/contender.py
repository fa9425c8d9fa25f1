"""One side of a comparison: a program in its sandbox, called with the clock in the parent's hand.

Between calls the child is stopped (SIGSTOP), so it cannot look at inputs before its clock runs or finish
work after. The result is read out of its memory while it is stopped: copying it costs neither side anything,
so there is nothing to gain by writing it somewhere else. Time is what the scheduler says this process spent
on a processor, read from outside after each call: with one thread, no other process and no network there is
nobody else who could do the work, and a busy machine does not slow the count. On a GPU the wall clock counts.
"""

from __future__ import annotations

import marshal
import math
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np

from ...programs.answers import ERROR_BYTES, read_answer
from ...programs.slots import Confinable, imports
from ...sandbox import Code, Limits, Rejected, spawn
from .arena import ARENA_BYTES, Arena
from .tasks import Array, Expected, Shapes, Task

__all__ = ["Call", "Contender"]

_HOST: Final = Path(__file__).resolve().parent / "guest_kernels.py"
_LOAD_S: Final = 60.0
_CALL_S: Final = 40.0
_CPU_S: Final = 120
_PADDING: Final = 1 << 22  # bytes: most by which allocations are shifted from call to call
# Processor time outside of calls. The child is known to have stopped before a clock is read, so there should
# be none: not a microsecond was seen of honest copies on a busy machine.
_STRAY_S: Final = 0.002
_STRAY_SHARE: Final = 0.01


class Call:
    """Fresh contents for one call of a task, and the answer that they must give."""

    def __init__(self, task: Task, shapes: Shapes, inputs: list[Array]) -> None:
        self.task = task
        self.shapes = shapes
        self.inputs = inputs
        self.expected: Expected = task.expect(*(array.astype(np.float64) for array in inputs))

    def check(self, output: Array) -> None:
        """Rejected(WRONG_OUTPUT or NOT_FINITE) unless the output is right."""
        if not np.isfinite(output).all():
            raise Rejected(Code.NOT_FINITE, f"{self.task.name}: the output holds NaN or infinity")
        error = np.abs(output - self.expected.values) / self.expected.scale
        worst = float(error.max())
        if worst > self.task.tolerance:
            allowed = self.task.tolerance
            raise Rejected(
                Code.WRONG_OUTPUT,
                f"{self.task.name}: an error of {worst:.1e} of its scale; {allowed:.0e} is allowed",
            )


class Contender:
    """A program ready to be called; a context manager."""

    def __init__(self, code: Confinable, draw: np.random.Generator, processor: int) -> None:
        self._draw = draw
        self._gpu = code.gpu
        self._arena = Arena()
        limits = Limits(cpu_seconds=_CPU_S, wall_seconds=600.0, tasks=code.gpu)
        try:
            self._child = spawn(
                _HOST,
                code.level,
                imports=imports(code.program.source),
                limits=limits,
                descriptors=(self._arena.descriptor,),
                gpu=code.gpu,
            )
        except BaseException:
            self._arena.__exit__()
            raise
        device = "cuda" if code.gpu else "cpu"
        request = ("load", code.program.source, device, self._arena.descriptor, ARENA_BYTES)
        try:
            read_answer(self._child.ask(marshal.dumps(request), ERROR_BYTES, _LOAD_S), (), finite=False)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        if not code.gpu:
            self._child.pin(processor)
        self._child.pause()
        self._before = self._child.cpu_seconds()
        self._counted = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.close()
        self._arena.__exit__()

    def seconds(self, call: Call) -> float:
        """The time of one call, its output checked in full; Rejected if the call was not honest work."""
        output_shape = call.task.output(call.shapes)
        offsets = self._arena.place([array.nbytes for array in call.inputs], self._draw)
        for offset, array in zip(offsets, call.inputs, strict=True):
            self._arena.write(offset, array)
        places = tuple(zip(offsets, call.shapes, strict=True))
        padding = int(self._draw.integers(_PADDING))
        address, spent = self._timed(marshal.dumps(("call", call.task.name, places, output_shape, padding)))
        content = self._child.peek(address, 4 * math.prod(output_shape))
        output = np.frombuffer(content, np.float32).reshape(output_shape)
        for offset, array in zip(offsets, call.inputs, strict=True):
            if not np.array_equal(self._arena.read(offset, array.shape), array):
                raise Rejected(Code.ALTERED_INPUTS, f"{call.task.name} writes into its inputs")
        call.check(output)
        return spent

    def _timed(self, request: bytes) -> tuple[int, float]:
        """Where the result lies in the child, and processor (on a GPU: wall) seconds until it said so."""
        cpu, wall = self._child.cpu_seconds(), time.perf_counter()
        self._child.resume()
        answer = self._child.ask(request, ERROR_BYTES, _CALL_S)
        wall = time.perf_counter() - wall
        self._child.pause()
        (where,) = read_answer(answer, ((1,),), finite=True)
        cpu = self._child.cpu_seconds() - cpu
        self._counted += min(cpu, wall)
        return int(where[0]), wall if self._gpu else cpu

    def audit(self) -> None:
        """Rejected(OUTSIDE_CLOCK) if the child used more processor time than its calls lasted."""
        if self._gpu:
            return
        spent = self._child.cpu_seconds() - self._before
        if spent > self._counted * (1.0 + _STRAY_SHARE) + _STRAY_S:
            raise Rejected(
                Code.OUTSIDE_CLOCK,
                f"{spent:.3f} s of processor time, of which {self._counted:.3f} s within calls",
            )
