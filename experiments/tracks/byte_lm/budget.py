"""What a trial of byte-lm may cost, and the frozen sizes of its two classes. Plain Python.

A trial reads at most `tokens` bytes of training text, each window once, and spends at most `flops`
floating-point operations, counted by `Design.flops_per_step` and not timed: a larger model stops earlier. A
recipe whose model is so large that fewer than MIN_STEPS steps fit has no value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["CPU", "GPU", "MIN_STEPS", "Budget"]

MIN_STEPS: Final = 32


@dataclass(frozen=True, slots=True)
class Budget:
    """One class of machines."""

    context: int
    """Bytes that a prediction sees at most."""
    tokens: int
    flops: int
    windows: int
    """Validation windows; the second half of each is scored, so a prediction sees half a context or more."""
    decoys: int
    """Further windows with another future, by which the parent sees that predictions do not depend on it."""
    precision: str
    """Of weights and their updates; the GPU class multiplies matrices in bfloat16."""
    device: str

    @property
    def scored(self) -> int:
        """Predictions in each window that count."""
        return self.context // 2


# Frozen after the measurements in docs/tracks/byte-lm.md: 4 s of processor time for the reference.
CPU: Final = Budget(
    context=64,
    tokens=1 << 18,
    flops=40_000_000_000,
    windows=256,
    decoys=32,
    precision="float64",
    device="cpu",
)
# A minute on a data-centre GPU by arithmetic (40 % of 400 TFLOP/s), a quarter of it for the reference, which
# runs out of text first. Not measured.
GPU: Final = Budget(
    context=512, tokens=1 << 25, flops=10**16, windows=96, decoys=16, precision="float32", device="cuda"
)
