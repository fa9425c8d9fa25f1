"""What a track can show of a recipe's run: its parts, ready to be probed.

A track that trains something puts a module `artefacts` beside its runner, with one function

    def artefacts(recipe: Recipe) -> Artefacts

which derives, from the code that really runs, whatever the recipe decides: initial weights at several widths
and depths, the learning rate of every step, activation, normalisation, loss, attention, optimizer or
compressor.  Nobody lifts them out by hand, and what a track cannot show it leaves out: then it is not probed.
The novelty checker asks for those of the recipe and of the track's reference, and looks only at what differs.

All arrays are float64, labels are int64. The functions may raise what the track's own language raises (a
`PeerError`), ArithmeticError or ValueError; then that part is not probed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Artefacts", "InitialWeights"]

_Array: TypeAlias = npt.NDArray[np.float64]
_Labels: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class InitialWeights:
    """One matrix of a fresh model: shape (fan_out, fan_in), in layer `layer` of `depth`, from 0."""

    values: _Array
    fan_in: int
    fan_out: int
    layer: int
    depth: int


@dataclass(frozen=True, slots=True)
class Artefacts:
    """The parts of a run; empty or None where the track has none or cannot show it."""

    weights: tuple[InitialWeights, ...] = ()
    """Fresh weights of models at three widths and two depths or more, under one seed."""
    lr_log: tuple[float, ...] = ()
    """The learning rate of every step of the run, at most 4,096 of them (every k-th step of a longer one)."""
    activation: Callable[[_Array], _Array] | None = None
    """Elementwise."""
    normalise: Callable[[_Array], _Array] | None = None
    """(batch, features) to the same shape, gain 1 and shift 0."""
    loss: Callable[[_Array, _Labels], float] | None = None
    """(logits (items, classes), labels (items,)) to the mean loss."""
    attention: Callable[[_Array, _Array, _Array], _Array] | None = None
    """(queries, keys, values), each (tokens, width), of one head, to (tokens, width)."""
    optimizer: Callable[[], Callable[[_Array, _Array], _Array]] | None = None
    """A fresh optimizer: `step(parameter, gradient) -> new parameter`, of vectors and matrices."""
    compressor: Callable[[_Array], _Array] | None = None
    """A lossy map of what is sent between workers, to the same shape."""
