"""The parts of a deep-mlp run that a recipe decides, for the novelty checker. No torch in here."""

from __future__ import annotations

from typing import Final

import numpy as np

from ...artefacts import Artefacts, InitialWeights
from ...expr import parse
from ...recipe import Recipe
from .net import FloatArray, initial_weights
from .shape import STEPS

__all__ = ["artefacts"]

_SEED: Final = 1840
_NETS: Final = ((5, 12), (5, 20), (8, 28))  # (hidden layers, scale) of the nets that are looked at


def artefacts(recipe: Recipe) -> Artefacts:
    """Initial weights of three nets, the activation, and the step size of every step."""
    activation = parse(recipe.slot("activation"), ("x",))
    schedule = parse(recipe.slot("lr"), ("t",))
    peak = recipe.number("lr")

    def activate(x: FloatArray) -> FloatArray:
        return np.array([activation.evaluate({"x": float(point)}) for point in x])

    return Artefacts(
        weights=tuple(
            InitialWeights(w.values, w.fan_in, w.fan_out, w.layer, w.depth)
            for hidden, scale in _NETS
            for w in initial_weights(recipe, _SEED, hidden=hidden, scale=scale)
        ),
        lr_log=tuple(peak * schedule.evaluate({"t": step / STEPS}) for step in range(STEPS)),
        activation=activate,
    )
