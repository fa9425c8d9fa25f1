"""What the parent hands to a worker for one trial, what it keeps, and what it takes back.

A track's examiner module (`Track.examiner`) defines two functions:

    prepare(seed: int) -> Exam
    score(exam: Exam, answers: Mapping[str, np.ndarray]) -> float | None

or, where one module examines several tracks and `Track.examiner` is "MODULE:ARGUMENT",

    examiner(argument: str) -> Examiner

`inputs` go to the worker, `sealed` never leaves the parent, and `answers` says the exact shape and type of
each array that may come back. None is the value of a run that diverged.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np

__all__ = ["Exam", "Examiner", "Form", "load_examiner"]


@dataclass(frozen=True, slots=True)
class Form:
    """Shape and type (as NumPy names it) of an array that is expected back."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def nbytes(self) -> int:
        """Size of the array in bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class Exam:
    """One trial's data, drawn by the seed."""

    inputs: Mapping[str, np.ndarray]
    answers: Mapping[str, Form]
    sealed: Mapping[str, np.ndarray]


class Examiner(Protocol):
    """What an examiner module looks like."""

    def prepare(self, seed: int) -> Exam:
        """The data of the trial with this seed."""

    def score(self, exam: Exam, answers: Mapping[str, np.ndarray]) -> float | None:
        """The track's metric, or None if the run diverged."""


def load_examiner(name: str) -> Examiner:
    """The examiner that a track names: a module, or what a module makes for the argument after a colon."""
    module, _, argument = name.partition(":")
    found = importlib.import_module(module)
    return cast("Examiner", found.examiner(argument) if argument else found)
