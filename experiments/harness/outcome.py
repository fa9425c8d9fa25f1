"""What comes out of a trial: a value or a stable fault code, with cost and the class of the machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from leaderboard.errors import LocalError

__all__ = [
    "D0_TOLERANCE",
    "EnvironmentClass",
    "Fault",
    "OnProgress",
    "Progress",
    "TrialError",
    "TrialOutcome",
    "agree",
]

D0_TOLERANCE: Final = 1e-7
"""Two values of class D0 are equal if |a - b| <= D0_TOLERANCE * (1 + |b|)."""


class Fault(StrEnum):
    """Why a trial has no outcome. The words are stable: logs, metrics and the API carry them."""

    START = "start"  # the worker did not come up
    CRASH = "crash"  # the worker ended in the middle of a trial
    TIMEOUT = "timeout"  # the trial ran past its time and was killed
    MEMORY = "memory"  # the trial wanted more memory than it may have
    FLOOD = "flood"  # the worker printed more than it may
    PROTOCOL = "protocol"  # the worker said something that is not in the protocol
    ANSWER = "answer"  # arrays of another name, shape or type than the exam asks for
    FOUL = "foul"  # answers that no honest model gives: it looked ahead, or knows more than can be known
    RUNNER = "runner"  # the track's runner raised an error


class TrialError(LocalError):
    """A trial without an outcome; `fault` is the stable code, the text is for people."""

    def __init__(self, fault: Fault, text: str) -> None:
        super().__init__(f"{fault}: {text}")
        self.fault = fault


@dataclass(frozen=True, slots=True)
class EnvironmentClass:
    """What decides how a machine rounds: processor, kernels and libraries."""

    processor: str
    kernels: str
    libraries: str

    @property
    def short(self) -> str:
        """One line, at most 120 characters, equal for machines of one class."""
        return f"{self.processor} {self.kernels} {self.libraries}"[:120]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run or a measurement is: finished trials, and steps of the one that runs."""

    trial: int
    trials: int
    step: int
    steps: int


OnProgress: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """One run of a recipe on one seed."""

    value: float | None
    """The metric; None if the run diverged."""
    wall_s: float
    """Seconds by the parent's clock, from the start of the run to the last byte of the answer."""
    cpu_s: float
    """Processor seconds of the worker, as the system counts them."""
    environment: EnvironmentClass
    note: str
    """Empty, or what a person should know about the value."""


def agree(a: float | None, b: float | None) -> bool:
    """Are two values of one seed equal within class D0? Two divergences agree, one does not."""
    if a is None or b is None:
        return a is b
    return abs(a - b) <= D0_TOLERANCE * (1 + abs(b))
