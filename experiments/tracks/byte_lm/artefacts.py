"""The parts of a byte-lm run that a recipe decides, for the novelty checker: the code that really runs.

Settings that are moved are told as tuning by their names; so optimizers and the warm-up are shown with usual
numbers, and what the recipe switches off (momentum, decay, warm-up) stays off. Weights are those of models of
one plan, whatever other matrices a recipe adds. Left out, because no probe tells them from plain causal
attention or looks at them: positions (but ALiBi), normalised queries and keys, shared keys and values, sizes,
tying, the feed-forward's gate, where norms stand, clipping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from ...artefacts import Artefacts, InitialWeights
from ...expr import parse
from ...expr.tensors import staged
from ...recipe import Recipe
from .budget import CPU
from .design import Design
from .net import FloatArray, attention_bias, draw_weights, mix_heads, normalise
from .training import rates
from .updates import Update, updates_for

__all__ = ["artefacts"]

_SEED: Final = 1840
_STEPS: Final = 512  # that are shown; how many a run has follows from sizes and batch
_WARMUP: Final = 0.05  # share of the run, as the reference has it
_SIZES: Final = ((24, 1), (32, 2), (64, 4))  # (width, blocks) of the models that are looked at


def artefacts(recipe: Recipe) -> Artefacts:
    """Weights of three models, step sizes, activation, norm, attention of one head, loss, optimizer."""
    design = Design.of(recipe, CPU)
    activate = staged(parse(recipe.slot("activation"), ("x",)), "x")
    shown = replace(design, warmup=_WARMUP if design.warmup else 0.0)

    def activated(x: FloatArray) -> FloatArray:
        return activate(torch.from_numpy(np.ascontiguousarray(x))).numpy()

    def normed(x: FloatArray) -> FloatArray:
        return normalise(design.norm, torch.from_numpy(x)).numpy()

    return Artefacts(
        weights=tuple(_weights(recipe, design)),
        lr_log=tuple(rates(recipe, shown, _STEPS)),
        activation=activated,
        normalise=None if design.norm == "none" else normed,
        loss=_loss(design),
        attention=_attention(design) if _is_special(design) else None,
        optimizer=lambda: _optimizer(_usual(design)),
    )


def _weights(recipe: Recipe, design: Design) -> Iterator[InitialWeights]:
    law = parse(recipe.slot("init_std"), ("fan_in", "fan_out", "depth", "layer"))
    for width, depth in _SIZES:
        plan = replace(design, depth=depth, heads=1, kv_heads=1, head_size=width, hidden=4 * width)
        model = replace(plan, positions="none", gated=False, tied=False)
        for matrix, values in draw_weights(law, model, _SEED):
            yield InitialWeights(values, matrix.fan_in, matrix.fan_out, matrix.layer, depth)


def _loss(design: Design) -> Callable[[FloatArray, npt.NDArray[np.int64]], float]:
    def loss(logits: FloatArray, labels: npt.NDArray[np.int64]) -> float:
        found = torch.nn.functional.cross_entropy(
            torch.from_numpy(logits),
            torch.from_numpy(labels),
            label_smoothing=design.label_smoothing,
        )
        return float(found)

    return loss


def _is_special(design: Design) -> bool:
    """Does attention look at less than everything before, or weigh it by distance?"""
    return design.window < design.context or design.positions == "alibi"


def _attention(design: Design) -> Callable[[FloatArray, FloatArray, FloatArray], FloatArray]:
    def attend(query: FloatArray, key: FloatArray, value: FloatArray) -> FloatArray:
        tokens, width = query.shape
        window = design.window if design.window < design.context else tokens
        head = replace(design, context=tokens, heads=1, kv_heads=1, head_size=width, window=window)
        head = replace(head, qk_norm=False)
        heads = tuple(torch.from_numpy(np.ascontiguousarray(x))[None, None] for x in (query, key, value))
        mixed = mix_heads(head, (heads[0], heads[1], heads[2]), attention_bias(head), None)
        return mixed[0, 0].numpy()

    return attend


def _usual(design: Design) -> Design:
    return replace(
        design,
        lr=0.01,
        matrix_lr=0.01,
        beta1=0.9 if design.beta1 else 0.0,
        beta2=0.999 if design.optimizer == "adamw" else 0.99,
        weight_decay=0.1 if design.weight_decay else 0.0,
    )


def _optimizer(design: Design) -> Callable[[FloatArray, FloatArray], FloatArray]:
    """The update of a block's matrix, or of a gain where the first parameter is a vector."""
    held: list[torch.Tensor] = []
    updates: list[Update] = []

    def step(parameter: FloatArray, gradient: FloatArray) -> FloatArray:
        if not held:
            held.append(torch.from_numpy(parameter.copy()).requires_grad_())
            matrices, gains = (held, []) if parameter.ndim == 2 else ([], held)
            updates.extend(updates_for(design, matrices, [], gains))
        value = held[0]
        with torch.no_grad():
            value.copy_(torch.from_numpy(parameter))
        value.grad = torch.from_numpy(gradient.copy())
        for update in updates:
            update.step(1.0)
        return value.detach().numpy().copy()

    return step
