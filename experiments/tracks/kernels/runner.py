"""Recipes of kernels without a program are the reference, whose speed-up over itself is 1 by definition."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ...recipe import Recipe

__all__ = ["run"]


def run(
    recipe: Recipe,
    seed: int,
    inputs: Mapping[str, np.ndarray],
    progress: Callable[[int, int], None],
    ulps: int = 0,
) -> dict[str, np.ndarray]:
    """log2 speed-ups of zero, one for each task."""
    del recipe, seed, inputs, ulps
    progress(1, 1)
    return {"log2_speedup": np.zeros(5)}
