"""What the parent owns of kernels: nothing is secret but the contents, which no one has before the call."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...harness.exam import Exam, Form

__all__ = ["prepare", "score"]


def prepare(seed: int) -> Exam:
    """The form of the answer: log2 speed-ups of all tasks. The seed draws shapes, where they are measured."""
    del seed
    return Exam(inputs={}, answers={"log2_speedup": Form((5,), "float64")}, sealed={})


def score(exam: Exam, answers: Mapping[str, np.ndarray]) -> float | None:
    """Mean log2 speed-up over the tasks; 0 for the reference."""
    del exam
    mean = float(answers["log2_speedup"].mean())
    return mean if np.isfinite(mean) else None
