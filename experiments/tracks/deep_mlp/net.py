"""The nets of deep-mlp: what the seed draws, and the weights that a recipe gives them. No torch in here.

Everything comes from NumPy's `RandomState`, whose streams are frozen by NumPy's policy (NEP 19), over one
PCG64 stream per purpose, so that no draw depends on how many others were made. Sizes are drawn as integers
from tables: no rounded exponential may tip over on another machine.

`initial_weights` is also what the novelty checker probes: the weights of real nets at several widths and
depths, not a snippet of code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ...expr import Expr, ExprError, parse
from ...recipe import Recipe
from .shape import HIDDEN, INIT_VARIABLES, SCALES, Shape, cycle

__all__ = [
    "ORDER",
    "SPLIT",
    "TWIN",
    "WEIGHTS",
    "FloatArray",
    "LayerWeights",
    "draw_shape",
    "draw_weights",
    "initial_weights",
    "layer_std",
    "nudged",
    "stream",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]

# Purposes of the random streams of one seed.
SPLIT, SHAPE, WEIGHTS, ORDER, TWIN = range(5)


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """Freshly drawn weights of one layer."""

    values: FloatArray
    """Shape (fan_out, fan_in)."""
    fan_in: int
    fan_out: int
    layer: int
    depth: int


def stream(seed: int, purpose: int) -> np.random.RandomState:
    """The random numbers of one purpose under a seed."""
    return np.random.RandomState(np.random.PCG64(np.random.SeedSequence([seed, purpose])))


def draw_shape(seed: int) -> Shape:
    """Depth and widths that the seed draws: a shuffled pattern of widths 1:4, times a scale."""
    draw = stream(seed, SHAPE)
    hidden = HIDDEN[draw.randint(len(HIDDEN))]
    scale = SCALES[draw.randint(len(SCALES))]
    ordered = cycle(hidden, scale).widths[1:-1]
    return Shape.of_hidden(ordered[place] for place in draw.permutation(hidden))


def layer_std(law: Expr, shape: Shape, layer: int) -> float:
    """The standard deviation that the law gives a layer; ExprError if it is none."""
    fan_in, fan_out = shape.fans[layer]
    point = {"fan_in": fan_in, "fan_out": fan_out, "depth": shape.depth, "layer": layer}
    std = law.evaluate({name: float(value) for name, value in point.items()})
    if std < 0:
        raise ExprError(f"init_std is negative in layer {layer}")
    return std


def draw_weights(law: Expr, shape: Shape, seed: int) -> tuple[LayerWeights, ...]:
    """Normal weights of every layer, with the standard deviation that the law says."""
    draw = stream(seed, WEIGHTS)
    layers = []
    for layer, (fan_in, fan_out) in enumerate(shape.fans):
        noise = draw.standard_normal((fan_out, fan_in))
        values = noise * layer_std(law, shape, layer)
        layers.append(LayerWeights(values, fan_in, fan_out, layer, shape.depth))
    return tuple(layers)


def initial_weights(recipe: Recipe, seed: int, *, hidden: int, scale: int) -> tuple[LayerWeights, ...]:
    """Weights of a net with `hidden` hidden layers of widths scale, 2*scale, 3*scale, 4*scale and again.

    For the novelty checker. Raises ExprError if the recipe's law has no value for some layer.
    """
    law = parse(recipe.slot("init_std"), INIT_VARIABLES)
    return draw_weights(law, cycle(hidden, scale), seed)


def nudged(values: FloatArray, draw: np.random.RandomState, ulps: int) -> FloatArray:
    """Every weight moved by `ulps` units in the last place, up or down by a fair coin."""
    relative = ulps * math.ulp(1.0)
    signs = np.where(draw.random_sample(values.shape) < 0.5, -1.0, 1.0)
    moved: FloatArray = values * (1.0 + relative * signs)
    return moved
