"""The parent's part: one number out."""

from __future__ import annotations

import numpy as np

from experiments.harness.exam import Exam, Form


def prepare(seed):
    return Exam({"x": np.arange(3.0)}, {"y": Form((1,), "float64")}, {})


def score(exam, answers):
    return float(answers["y"][0])
