"""The parent's half: the noise is drawn by the seed, the bottom of the bowl is sealed."""

import numpy as np

from experiments.harness.exam import Exam, Form

BOTTOM = np.array([0.3, -0.2])


def prepare(seed):
    noise = np.random.RandomState(seed % 2**32).standard_normal(2) * 0.02
    return Exam({"noise": noise}, {"point": Form((2,), "float64")}, {"bottom": BOTTOM})


def score(exam, answers):
    return float(np.square(answers["point"] - exam.sealed["bottom"]).sum())
