"""What a worker runs for the GPU class of byte-lm: bfloat16 products, compiled, as deterministic as it gets.

Deterministic algorithms are asked for where torch has them and only warned about elsewhere; together with
different devices, drivers and compilers this leaves class D3: equal in distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from leaderboard.errors import LocalError

from ...recipe import Recipe
from .budget import GPU
from .training import Job
from .training import run as run_job

__all__ = ["run"]


def run(
    recipe: Recipe,
    seed: int,
    inputs: Mapping[str, np.ndarray],
    progress: Callable[[int, int], None],
    ulps: int = 0,
) -> dict[str, np.ndarray]:
    """Train and answer the validation windows; see `training.run`. LocalError without a CUDA device."""
    if not torch.cuda.is_available():
        raise LocalError("byte-lm-gpu needs a CUDA device; the track byte-lm runs on a processor")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_float32_matmul_precision("high")
    return run_job(recipe, Job(seed, inputs, progress, ulps, GPU))
