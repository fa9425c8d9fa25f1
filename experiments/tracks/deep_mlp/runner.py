"""Training of one deep-mlp net: the part that runs in a worker process and imports torch.

It gets training images and labels and the *images* of the validation set, and gives back logits for those.
It sees no validation label, and the loss is the parent's business.

Arithmetic: float64 on one thread. What makes the numbers differ between machines is the order of sums inside
matrix products; whether that grows is for the twin run (`ulps`) to tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch.nn import functional

from ...expr import Expr, ExprError, parse
from ...expr.tensors import staged
from ...recipe import Recipe
from .net import ORDER, TWIN, FloatArray, draw_shape, draw_weights, nudged, stream
from .shape import BATCH, CLASSES, INIT_VARIABLES, STEPS

__all__ = ["Parts", "parts_of", "run", "train"]

_REPORT: Final = 20  # steps between two reports of progress, each of which also looks for a divergence

# One thread: the order of sums, and with it the last digits, must not depend on the number of cores.
torch.set_num_threads(1)


def run(
    recipe: Recipe,
    seed: int,
    inputs: Mapping[str, np.ndarray],
    progress: Callable[[int, int], None],
    ulps: int = 0,
) -> dict[str, np.ndarray]:
    """Train and answer the validation images; NaN logits if the run diverged or a law has no value.

    inputs: images (n, 64) float64, labels (n,) int64, questions (m, 64) float64.
    Returns logits (m, 10) float64. `ulps` nudges the initial weights, for the twin run.
    """
    try:
        return train(parts_of(recipe, seed), seed, inputs, progress, ulps)
    except ExprError:
        return {"logits": np.full((len(inputs["questions"]), CLASSES), math.nan)}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a candidate decides of a run."""

    weights: Sequence[FloatArray]
    """Fresh weights (fan_out, fan_in) of every layer."""
    activate: Callable[[torch.Tensor], torch.Tensor]
    rates: Sequence[float]
    """Step size of each step."""


def parts_of(recipe: Recipe, seed: int) -> Parts:
    """What the recipe's expressions decide; ExprError if a law has no value."""
    law = parse(recipe.slot("init_std"), INIT_VARIABLES)
    layers = draw_weights(law, draw_shape(seed), seed)
    activate = staged(parse(recipe.slot("activation"), ("x",)), "x")
    return Parts([layer.values for layer in layers], activate, _rates(recipe))


def train(
    parts: Parts,
    seed: int,
    inputs: Mapping[str, np.ndarray],
    progress: Callable[[int, int], None],
    ulps: int = 0,
) -> dict[str, np.ndarray]:
    """As `run`, for parts that may have come from anywhere."""
    questions = torch.from_numpy(inputs["questions"])
    net = _Net(parts, seed, ulps)
    if not _train(net, parts.rates, seed, inputs, progress):
        return {"logits": np.full((len(questions), CLASSES), math.nan)}
    with torch.no_grad():
        return {"logits": net.forward(questions).numpy()}


class _Net:
    """Weights (fan_out, fan_in) and biases (fan_out,) of a chain of layers."""

    def __init__(self, parts: Parts, seed: int, ulps: int) -> None:
        twin = stream(seed, TWIN)
        values = [nudged(value, twin, ulps) if ulps else value for value in parts.weights]
        self._activate = parts.activate
        self.weights = [torch.from_numpy(value).requires_grad_() for value in values]
        self.biases = [torch.zeros(len(value), dtype=torch.float64).requires_grad_() for value in values]
        self.parameters = [*self.weights, *self.biases]

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits (n, 10) of images (n, 64)."""
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = self._activate(functional.linear(hidden, weight, bias))
        return functional.linear(hidden, self.weights[-1], self.biases[-1])

    def descend(self, loss: torch.Tensor, rate: float) -> None:
        """One step of SGD; a parameter that the loss does not depend on stays."""
        gradients = torch.autograd.grad(loss, self.parameters, allow_unused=True)
        moving = [(p, g) for p, g in zip(self.parameters, gradients, strict=True) if g is not None]
        with torch.no_grad():
            torch._foreach_add_([p for p, _ in moving], [g for _, g in moving], alpha=-rate)


def _train(
    net: _Net,
    rates: Sequence[float],
    seed: int,
    inputs: Mapping[str, np.ndarray],
    progress: Callable[[int, int], None],
) -> bool:
    """Train for the whole budget; False as soon as the loss is no longer finite."""
    images, labels = torch.from_numpy(inputs["images"]), torch.from_numpy(inputs["labels"])
    for step, batch in enumerate(_batches(seed, len(images))):
        loss = functional.cross_entropy(net.forward(images[batch]), labels[batch])
        if not loss.requires_grad:
            return True  # the answer does not depend on any parameter: nothing can be learnt
        net.descend(loss, rates[step])
        if (step + 1) % _REPORT == 0:
            progress(step + 1, STEPS)
            if not math.isfinite(loss.item()):
                return False
    return True


def _rates(recipe: Recipe) -> list[float]:
    schedule: Expr = parse(recipe.slot("lr"), ("t",))
    peak = recipe.number("lr")
    return [peak * schedule.evaluate({"t": step / STEPS}) for step in range(STEPS)]


def _batches(seed: int, samples: int) -> torch.Tensor:
    """Row numbers (STEPS, BATCH): passes over the samples, each in a new order."""
    draw = stream(seed, ORDER)
    passes = -(-STEPS * BATCH // samples)
    order: FloatArray = np.concatenate([draw.permutation(samples) for _ in range(passes)])
    return torch.from_numpy(order[: STEPS * BATCH]).reshape(STEPS, BATCH)
