"""kernels with a stranger's functions: each that the program defines is measured against the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...programs.slots import Confinable
from ...recipe import Recipe
from ...sandbox import Code, Rejected
from .baseline import baseline
from .duel import duel
from .tasks import TASKS, draw_shapes

__all__ = ["answer"]


def answer(
    recipe: Recipe,
    code: Confinable,
    seed: int,
    inputs: Mapping[str, np.ndarray],
    ulps: int = 0,
) -> dict[str, np.ndarray]:
    """log2 speed-ups of all tasks; 0 for a task whose function the program does not define."""
    del recipe, inputs, ulps
    if not code.program.defines & TASKS.keys():
        raise Rejected(Code.PROGRAM_SLOTS, f"the program defines none of the functions {', '.join(TASKS)}")
    reference = replace(code, program=baseline())
    work = {task: draw_shapes(task, seed) for name, task in TASKS.items() if name in code.program.defines}
    found = duel(work, code, reference)
    return {"log2_speedup": np.array([found.get(name, 0.0) for name in TASKS])}
