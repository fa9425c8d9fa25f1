"""Why a candidate's code was turned away: stable codes, and the error that carries one.

People read the reason, programs read the code. docs/sandbox.md lists every code; a test compares the two.
"""

from __future__ import annotations

from enum import StrEnum

from leaderboard.errors import PeerError

__all__ = ["Code", "Rejected"]


class Code(StrEnum):
    """A reason that stays the same between versions."""

    ALTERED_INPUTS = "altered-inputs"
    BAD_FRAME = "bad-frame"
    CRASHED = "crashed"
    DISAGREEMENT = "disagreement"
    FOUL = "foul"
    IMPURE = "impure"
    MEMORY_LIMIT = "memory-limit"
    NOT_ALLOWED = "not-allowed"
    NOT_FINITE = "not-finite"
    OUTSIDE_CLOCK = "outside-clock"
    PROGRAM_ERROR = "program-error"
    PROGRAM_SIZE = "program-size"
    PROGRAM_SLOTS = "program-slots"
    PROGRAM_SYNTAX = "program-syntax"
    RECIPE = "recipe"
    ROOFLINE = "roofline"
    SANDBOX_REFUSED = "sandbox-refused"
    TIME_LIMIT = "time-limit"
    WRONG_DTYPE = "wrong-dtype"
    WRONG_OUTPUT = "wrong-output"
    WRONG_SHAPE = "wrong-shape"


class Rejected(PeerError):  # noqa: N818 - a verdict on a candidate
    """A candidate that gets no score. Costs whoever wrote it nothing but the attempt."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
