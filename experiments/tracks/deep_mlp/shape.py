"""The frozen sizes of deep-mlp, and the shape of a net. Plain Python: loading the track needs no library.

Every number here was frozen after the measurements in docs/tracks/deep-mlp.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = [
    "BATCH",
    "CLASSES",
    "HIDDEN",
    "INIT_VARIABLES",
    "INPUTS",
    "PATTERN",
    "SCALES",
    "STEPS",
    "Shape",
    "cycle",
]

INPUTS: Final = 64
CLASSES: Final = 10
BATCH: Final = 32  # samples a step
STEPS: Final = 400
HIDDEN: Final = (11, 12, 13)  # numbers of hidden layers
PATTERN: Final = (1, 2, 3, 4)  # widths within a net, in units of its scale
SCALES: Final = (12, 14, 17, 20, 24, 29, 34, 40, 48)  # units; about a factor of 1.2 apart
INIT_VARIABLES: Final = ("fan_in", "fan_out", "depth", "layer")


@dataclass(frozen=True, slots=True)
class Shape:
    """Widths of a net from input to output."""

    widths: tuple[int, ...]

    @property
    def depth(self) -> int:
        """Number of weight layers."""
        return len(self.widths) - 1

    @property
    def fans(self) -> tuple[tuple[int, int], ...]:
        """(fan_in, fan_out) of every layer."""
        return tuple(zip(self.widths, self.widths[1:], strict=False))

    @classmethod
    def of_hidden(cls, widths: Iterable[int]) -> Shape:
        """The net with these hidden widths."""
        return cls((INPUTS, *widths, CLASSES))


def cycle(hidden: int, scale: int, order: tuple[int, ...] = PATTERN) -> Shape:
    """A net whose hidden widths repeat `order`, in units of `scale`."""
    return Shape.of_hidden(scale * order[place % len(order)] for place in range(hidden))
