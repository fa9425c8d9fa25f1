"""Training of one byte-lm model and its answers to the validation windows. Worker processes only.

It gets training text and the validation windows without their last byte, all rows alike: it cannot tell which
of them are scored and which are decoys with another future. The loss is the parent's business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch.nn import functional

from ...expr import ExprError, parse
from ...expr.tensors import staged
from ...recipe import Recipe
from .budget import Budget
from .design import VOCABULARY, Design
from .draws import stream
from .net import Activation, FloatArray, Gpt, draw_weights
from .updates import Update, updates_of

__all__ = ["Job", "Parts", "batches_of", "parts_of", "rates", "run", "train"]

_ORDER, _TWIN = 2, 3  # purposes of random streams, after the weights'
_REPORT: Final = 20  # steps between two reports of progress, each of which also looks for a divergence
_ROWS: Final = 64  # validation windows at a time
_DTYPES: Final = {"float32": torch.float32, "float64": torch.float64}

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a candidate decides of a run."""

    design: Design
    steps: int
    weights: Mapping[str, FloatArray]
    """Fresh matrices (fan_out, fan_in) by name."""
    activate: Activation
    multipliers: Sequence[float]
    """Of the peak step size at each step."""
    updates: Callable[[Design, Gpt], list[Update]]


@dataclass(frozen=True, slots=True)
class Job:
    """One trial, apart from the candidate."""

    seed: int
    inputs: Mapping[str, np.ndarray]
    """text (tokens + 1,) uint8, questions (rows, context) uint8."""
    progress: Progress
    ulps: int
    budget: Budget

    def nothing(self) -> dict[str, np.ndarray]:
        """The answer of a run without a model."""
        shape = (len(self.inputs["questions"]), self.budget.scored, VOCABULARY)
        return {"logits": np.full(shape, math.nan, np.float32)}


def run(recipe: Recipe, job: Job) -> dict[str, np.ndarray]:
    """Train and answer; NaN logits if the run diverged, a law has no value, or the model is over the budget.

    Returns logits (rows, scored, 256) float32 for the bytes after the second half of each window.
    """
    try:
        parts = parts_of(recipe, job.seed, job.budget)
    except ExprError:
        parts = None
    return job.nothing() if parts is None else train(parts, job)


def parts_of(recipe: Recipe, seed: int, budget: Budget) -> Parts | None:
    """What a recipe decides; None for a model over the budget, ExprError if a law has no value."""
    design = Design.of(recipe, budget)
    steps = design.steps(budget)
    if steps is None:
        return None
    law = parse(recipe.slot("init_std"), ("fan_in", "fan_out", "depth", "layer"))
    weights = {matrix.name: values for matrix, values in draw_weights(law, design, seed)}
    activate = staged(parse(recipe.slot("activation"), ("x",)), "x")
    return Parts(design, steps, weights, activate, rates(recipe, design, steps), updates_of)


def rates(recipe: Recipe, design: Design, steps: int) -> list[float]:
    """The multiplier of the step size at each step: the recipe's curve times the linear warm-up."""
    curve = parse(recipe.slot("lr"), ("t",))
    rise = max(1, round(design.warmup * steps))
    return [min(1.0, (step + 1) / rise) * curve.evaluate({"t": step / steps}) for step in range(steps)]


def train(parts: Parts, job: Job) -> dict[str, np.ndarray]:
    """As `run`, for parts that may have come from anywhere."""
    net = _built(parts, job)
    if not _descend(net, parts, _batches(parts, job), job):
        return job.nothing()
    return {"logits": _answers(net, job.inputs["questions"], job.budget)}


def _built(parts: Parts, job: Job) -> Gpt:
    dtype = _DTYPES[job.budget.precision]
    weights = dict(parts.weights)
    if job.ulps:
        # The twin: every weight moved by that many units in the last place, up or down by a fair coin.
        relative = job.ulps * float(torch.finfo(dtype).eps)
        draw = stream(job.seed, _TWIN)
        weights = {
            name: value * (1.0 + relative * np.where(draw.random_sample(value.shape) < 0.5, -1.0, 1.0))
            for name, value in weights.items()
        }
    return Gpt(parts.design, weights, parts.activate).to(dtype=dtype, device=job.budget.device)


def batches_of(parts: Parts, job: Job) -> torch.Tensor:
    """Numbers of windows (steps, batch): each window of the text once, in the seed's order."""
    order = stream(job.seed, _ORDER).permutation(job.budget.tokens // job.budget.context)
    chosen = order[: parts.steps * parts.design.batch]
    return torch.from_numpy(chosen).reshape(parts.steps, parts.design.batch)


def _batches(parts: Parts, job: Job) -> Iterator[torch.Tensor]:
    """Windows (batch, context + 1) of the text for each step."""
    text = torch.from_numpy(job.inputs["text"].astype(np.int64))
    windows = text.unfold(0, job.budget.context + 1, job.budget.context)
    for chosen in batches_of(parts, job):
        yield windows[chosen].to(job.budget.device)


def _descend(net: Gpt, parts: Parts, batches: Iterator[torch.Tensor], job: Job) -> bool:
    """Train for the whole budget; False as soon as the loss is no longer finite."""
    updates = parts.updates(parts.design, net)
    forward = _forward(net, job.budget)
    every = list(net.parameters())
    for step, batch in enumerate(batches):
        logits = forward(batch[:, :-1])
        loss = functional.cross_entropy(
            logits.flatten(0, 1).float() if job.budget.device == "cuda" else logits.flatten(0, 1),
            batch[:, 1:].flatten(),
            label_smoothing=parts.design.label_smoothing,
        )
        net.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if parts.design.clip > 0:
            torch.nn.utils.clip_grad_norm_(every, parts.design.clip)
        for update in updates:
            update.step(parts.multipliers[step])
        if (step + 1) % _REPORT == 0:
            job.progress(step + 1, parts.steps)
            if not math.isfinite(loss.item()):
                return False
    return True


def _forward(net: Gpt, budget: Budget) -> Callable[[torch.Tensor], torch.Tensor]:
    """The model as it is called: on a GPU compiled, with matrix products in bfloat16."""
    if budget.device != "cuda":
        return net
    compiled = torch.compile(net)

    def forward(text: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cuda", dtype=torch.bfloat16):
            logits: torch.Tensor = compiled(text)
        return logits

    return forward


@torch.no_grad()
def _answers(net: Gpt, questions: np.ndarray, budget: Budget) -> np.ndarray:
    """Logits (rows, scored, 256) float32."""
    forward = _forward(net, budget)
    rows = torch.from_numpy(questions.astype(np.int64))
    parts = [forward(part.to(budget.device))[:, -budget.scored :] for part in torch.split(rows, _ROWS)]
    return torch.cat(parts).float().cpu().numpy()
