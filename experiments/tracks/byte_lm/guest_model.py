"""Host script of byte-lm: runs inside the confined process with a stranger's model or optimizer.

Requests are marshal tuples from the parent:

    ("load", source)                                  the program
    ("hold", ((name, rows, columns), ...), bytes)     parameters of the parent's model, float64
    ("move", bytes, multiplier)                       their gradients -> their new values, float64
    ("train", bytes, context, batch, multipliers, (lr, decay))
                                                      the stranger's model; windows of text in their order
    ("predict", bytes, rows)                          beginnings of windows -> logits (rows, 256), float64

The program's names are `model(context)`, a torch module from (n, length) int64 to (n, length, 256) logits,
and `optimizer(parameters)`, which takes a list of (name, tensor) and gives an object with `step()`; the
multiplier of the step size is in its `multiplier`, if it takes attributes, and applied to `param_groups` if
it has them. Answers are as `loop` says. After ("load", ...) this process belongs to the candidate and nothing
it says is believed: it has read no byte that it is later asked for, and its processor time is counted from
outside.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import torch

from experiments.sandbox.guest.loop import WrongError, names_of, serve, without_compiler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...sandbox.guest.boot import Channel

ROWS = 64  # rows of text at a time


class Steps:
    """The stranger's optimizer over named parameters, or AdamW with the recipe's settings."""

    def __init__(
        self, names: dict[str, Any], parameters: list[tuple[str, Any]], lr: float, decay: float
    ) -> None:
        make = names.get("optimizer")
        self.optimizer: Any = None  # for a model that only counts and has no parameters
        if make is not None:
            self.optimizer = make(parameters)
        elif parameters:
            matrices = [value for _, value in parameters if value.ndim >= 2]
            others = [value for _, value in parameters if value.ndim < 2]
            groups = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
            self.optimizer = torch.optim.AdamW([group for group in groups if group["params"]], lr=lr)
        self.peaks = [group["lr"] for group in getattr(self.optimizer, "param_groups", []) if "lr" in group]
        self.parameters = [value for _, value in parameters]

    def step(self, multiplier: float) -> None:
        if self.optimizer is None:
            return
        with suppress(AttributeError):  # a class with slots that has no use for it
            self.optimizer.multiplier = multiplier
        groups = [group for group in getattr(self.optimizer, "param_groups", []) if "lr" in group]
        for group, peak in zip(groups, self.peaks, strict=True):
            group["lr"] = peak * multiplier
        self.optimizer.step()
        for value in self.parameters:
            value.grad = None


class Program:
    """The stranger's functions and what became of them."""

    def __init__(self, source: str) -> None:
        without_compiler()
        torch.manual_seed(0)
        self.names = names_of(source)

    def hold(self, shapes: tuple[tuple[str, tuple[int, ...]], ...], data: bytes) -> list[Any]:
        flat = torch.from_numpy(np.frombuffer(data, np.float64).copy())
        sizes = [int(np.prod(shape)) for _, shape in shapes]
        parts = torch.split(flat, sizes)
        self.held = [
            (name, part.reshape(shape).clone().requires_grad_())
            for (name, shape), part in zip(shapes, parts, strict=True)
        ]
        self.steps = Steps(self.names, self.held, 0.0, 0.0)
        return []

    def move(self, data: bytes, multiplier: float) -> list[Any]:
        flat = torch.from_numpy(np.frombuffer(data, np.float64).copy())
        parts = torch.split(flat, [value.numel() for _, value in self.held])
        for (_, value), part in zip(self.held, parts, strict=True):
            value.grad = part.reshape(value.shape)
        self.steps.step(multiplier)
        return [torch.cat([value.detach().reshape(-1) for _, value in self.held]).numpy()]

    def train(
        self,
        data: bytes,
        context: int,
        batch: int,
        multipliers: tuple[float, ...],
        dials: tuple[float, float],
    ) -> list[Any]:
        windows = torch.from_numpy(np.frombuffer(data, np.uint8).astype(np.int64)).reshape(-1, context + 1)
        self.model = self.names["model"](context)
        steps = Steps(self.names, list(self.model.named_parameters()), *dials)
        for chosen, multiplier in zip(torch.split(windows, batch), multipliers, strict=True):
            logits = self.model(chosen[:, :-1])
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), chosen[:, 1:].flatten())
            if loss.requires_grad:
                loss.backward()  # type: ignore[no-untyped-call]
            steps.step(multiplier)
        self.model.eval()
        return []

    def predict(self, data: bytes, rows: int) -> list[Any]:
        text = torch.from_numpy(np.frombuffer(data, np.uint8).astype(np.int64)).reshape(rows, -1)
        with torch.no_grad():
            parts = [self.model(part)[:, -1] for part in torch.split(text, ROWS)]
        logits = torch.cat(parts).to(torch.float64)
        if tuple(logits.shape) != (rows, 256):
            raise WrongError("wrong-shape", f"logits of shape {tuple(logits.shape)}, not ({rows}, 256)")
        return [logits.numpy()]


def host(channel: Channel) -> None:
    """Answer requests until the parent goes."""
    serve(channel, Program)
