"""deep-mlp with a stranger's functions: initialiser, activation and schedule as Python code in a sandbox.

    initialiser(shape, fan_in, fan_out, layer, depth, rng)  weights of one layer, shape (fan_out, fan_in);
                                                            rng is a numpy.random.Generator
    activation(x)                                           elementwise; x is a float64 torch tensor if the
                                                            program imports torch, else a NumPy array or,
                                                            if the function wants that, one float at a time
    schedule(t)                                             multiplier of the step size; t from 0 to 1

A function that the program does not define is taken from the recipe's slot. Training happens here, in our
process: the stranger's code gets shapes, times and shuffled hidden values, never an image, a label, a loss,
or the seed. Two defences are particular to this track:

* The digits are public, so a program could carry weights that were trained on them, validation images
  included. Hence pixels and classes are renamed at random in every trial: the first layer's columns and the
  last layer's rows are shuffled by the seed. A law of initialisation does not notice; memorised weights do.
* Derivatives come from the program too (by its own autograd), so a function with a false derivative trains
  with it. That is a legitimate idea (surrogate gradients) and costs its author only its own loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from leaderboard.errors import Refused

from ...expr import ExprError
from ...programs.asking import asking
from ...programs.slots import Confinable, SlotProgram
from ...recipe import Recipe
from .net import FloatArray, draw_shape, stream
from .runner import parts_of, run, train
from .shape import STEPS

__all__ = ["answer"]

# Purposes of random streams, after those in `net`.
_PROGRAM, _DISGUISE = 5, 6
_TIMES: Final = tuple(step / STEPS for step in range(STEPS))


def answer(
    recipe: Recipe,
    code: Confinable,
    seed: int,
    inputs: Mapping[str, np.ndarray],
    ulps: int = 0,
) -> dict[str, np.ndarray]:
    """Train with the program's functions and answer the validation images, as `runner.run` does."""
    if code.gpu:
        raise Refused("programs of deep-mlp run on the processor")
    with SlotProgram(code, stream(seed, _PROGRAM)) as functions:
        try:
            parts = parts_of(recipe, seed)
        except ExprError:
            return run(recipe, seed, inputs, _quiet, ulps)
        if "initialiser" in functions.defines:
            weights = functions.initialise(draw_shape(seed).fans)
            parts = replace(parts, weights=_disguised(weights, seed))
        if "schedule" in functions.defines:
            peak = recipe.number("lr")
            parts = replace(parts, rates=[peak * float(rate) for rate in functions.rates(_TIMES)])
        if "activation" in functions.defines:
            parts = replace(parts, activate=asking(functions))
        return train(parts, seed, inputs, _quiet, ulps)


def _quiet(step: int, steps: int) -> None:
    """Progress within a trial is not reported from here."""


def _disguised(weights: list[FloatArray], seed: int) -> list[FloatArray]:
    """The weights with input columns and output rows shuffled: which pixel is which is the seed's secret."""
    draw = stream(seed, _DISGUISE)
    first = weights[0][:, draw.permutation(weights[0].shape[1])]
    last = weights[-1][draw.permutation(weights[-1].shape[0])]
    return [first.copy(), *weights[1:-1], last.copy()]
