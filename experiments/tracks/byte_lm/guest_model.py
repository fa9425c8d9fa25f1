"""Host script of byte-lm: runs inside the confined process with a stranger's model or optimizer.

Requests are marshal tuples from the parent:

    ("load", source)                                  the program
    ("hold", ((name, rows, columns), ...), bytes)     parameters of the parent's model, float64
    ("move", bytes, multiplier)                       their gradients -> their new values, float64
    ("train", bytes, context, batches, multipliers, (lr, decay))
                                                      the stranger's model; windows of text, step by step
    ("predict", bytes, rows)                          beginnings of windows -> logits (rows, 256), float64

The program's names are `model(context)`, a torch module from (n, length) int64 to (n, length, 256) logits,
and `optimizer(parameters)`, which takes a list of (name, tensor) and gives an object with `step()`; the
multiplier of the step size is in its `multiplier`, and applied to `param_groups` if it has them. An answer is
b"\\0" and arrays, or b"\\1", a code and a reason. After ("load", ...) this process belongs to the candidate
and nothing it says is believed: it has read no byte that it is later asked for, and its processor time is
counted from outside.
"""

from __future__ import annotations

import marshal
import struct
import sys
import types

import numpy as np
import torch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...sandbox.guest.boot import Channel

ROWS = 64  # rows of text at a time

# torch's optimizers load its compiler, only to be left alone by it; and that needs a folder to write in.
compiler = types.ModuleType("torch._dynamo")
compiler.disable = lambda function=None, *_, **__: function  # type: ignore[attr-defined]
compiler.graph_break = lambda *_, **__: None  # type: ignore[attr-defined]
sys.modules["torch._dynamo"] = compiler
setattr(torch, "_dynamo", compiler)  # noqa: B010 - the name is private to torch


class WrongError(Exception):
    """An answer that cannot be sent; the first argument is the code."""


class Steps:
    """The stranger's optimizer over named parameters, or AdamW with the recipe's settings."""

    def __init__(
        self, names: dict[str, Any], parameters: list[tuple[str, Any]], lr: float, decay: float
    ) -> None:
        make = names.get("optimizer")
        if make is not None:
            self.optimizer = make(parameters)
        else:
            matrices = [value for _, value in parameters if value.ndim >= 2]
            others = [value for _, value in parameters if value.ndim < 2]
            groups = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
            self.optimizer = torch.optim.AdamW([group for group in groups if group["params"]], lr=lr)
        self.peaks = [group["lr"] for group in getattr(self.optimizer, "param_groups", []) if "lr" in group]
        self.parameters = [value for _, value in parameters]

    def step(self, multiplier: float) -> None:
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
        module = types.ModuleType("program")
        sys.modules["program"] = module  # where dataclasses and the like look a class's module up
        self.names: dict[str, Any] = module.__dict__
        torch.manual_seed(0)
        exec(compile(source, "program.py", "exec"), self.names)  # noqa: S102 - what this process is for

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
        batches: tuple[tuple[int, ...], ...],
        multipliers: tuple[float, ...],
        dials: tuple[float, float],
    ) -> list[Any]:
        text = torch.from_numpy(np.frombuffer(data, np.uint8).astype(np.int64))
        windows = text.unfold(0, context + 1, context)
        self.model = self.names["model"](context)
        steps = Steps(self.names, list(self.model.named_parameters()), *dials)
        for batch, multiplier in zip(batches, multipliers, strict=True):
            chosen = windows[list(batch)]
            logits = self.model(chosen[:, :-1])
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), chosen[:, 1:].flatten())
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


def packed(arrays: list[Any]) -> bytes:
    parts = [b"\0", struct.pack("<B", len(arrays))]
    for array in arrays:
        whole = np.ascontiguousarray(array, np.float64)
        parts.append(struct.pack(f"<cB{whole.ndim}I", b"d", whole.ndim, *whole.shape))
        parts.append(whole.tobytes())
    return b"".join(parts)


def failed(error: BaseException) -> bytes:
    if isinstance(error, WrongError):
        code, reason = error.args
    else:
        code = "memory-limit" if isinstance(error, MemoryError) else "program-error"
        reason = f"{type(error).__name__}: {error}"
    return b"\1" + f"{code}\n{reason}".encode("utf-8", "replace")[:2000]


def host(channel: Channel) -> None:
    """Answer requests until the parent goes."""
    program: Program | None = None
    while True:
        name, *arguments = marshal.loads(channel.read())  # noqa: S302 - the parent wrote it
        try:
            if name == "load":
                program = Program(*arguments)
                answer = packed([])
            else:
                answer = packed(getattr(program, name)(*arguments))
        except BaseException as error:  # noqa: BLE001 - a stranger's code may raise anything, also SystemExit
            answer = failed(error)
        channel.write(answer)
