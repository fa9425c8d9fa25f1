"""What a worker runs for the CPU class of byte-lm: one thread, so that the order of sums is fixed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from ...recipe import Recipe
from .budget import CPU
from .training import Job
from .training import run as run_job

__all__ = ["run"]

torch.set_num_threads(1)


def run(
    recipe: Recipe,
    seed: int,
    inputs: Mapping[str, np.ndarray],
    progress: Callable[[int, int], None],
    ulps: int = 0,
) -> dict[str, np.ndarray]:
    """Train and answer the validation windows; see `training.run`."""
    return run_job(recipe, Job(seed, inputs, progress, ulps, CPU))
