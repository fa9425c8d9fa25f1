"""The optimizers of byte-lm: each takes gradients from `.grad` and moves parameters in place.

    sgd     v <- beta1 v + g;  w <- w - r v
    adamw   Kingma and Ba 2014 (arXiv 1412.6980), decoupled decay of Loshchilov and Hutter 2017 (1711.05101)
    lion    Chen et al. 2023 (arXiv 2302.06675)
    muon    Jordan et al. 2024: momentum, orthogonalised by Newton-Schulz, for the blocks' matrices; AdamW for
            embedding, positions, head and gains. Scaled by sqrt(max(1, fan_out / fan_in)).

Decay is of matrices only and is multiplied by the step size (of Muon's own for its matrices).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import torch

from .design import Design
from .net import Gpt

__all__ = ["Update", "newton_schulz", "updates_for", "updates_of"]

_EPSILON: Final = 1e-8
_MUON_MOMENTUM: Final = 0.95
# Coefficients of Jordan et al.: the quintic that inflates small singular values fastest.
_QUINTIC: Final = (3.4445, -4.7750, 2.0315)
_ITERATIONS: Final = 5

Tensors = Sequence[torch.Tensor]


class Update(Protocol):
    """One optimizer over its parameters."""

    def step(self, multiplier: float) -> None:
        """Move the parameters by their gradients; the multiplier is that of the peak step size."""


def updates_of(design: Design, net: Gpt) -> list[Update]:
    """The optimizers of a design, which share the parameters of its net among them."""
    inner = {matrix.name for matrix in design.matrices() if matrix.layer in design.blocks}
    named = list(net.matrices.items())
    within = [value for name, value in named if name in inner]
    apart = [value for name, value in named if name not in inner]
    return updates_for(design, within, apart, list(net.gains.values()))


def updates_for(design: Design, within: Tensors, apart: Tensors, gains: Tensors) -> list[Update]:
    """The optimizers of a design for matrices of blocks, other matrices, and gains; lists may be empty."""
    if design.optimizer == "muon":
        return [_Muon(design, within), *_adamw(design, apart, gains)]
    if design.optimizer == "adamw":
        return _adamw(design, [*within, *apart], gains)
    rule = _lion if design.optimizer == "lion" else _sgd
    return [_Plain(design, [*within, *apart], gains, rule)]


class _Stock:
    """An optimizer of torch, fused where the device has that."""

    def __init__(self, optimizer: torch.optim.Optimizer, peak: float) -> None:
        self._optimizer = optimizer
        self._peak = peak

    def step(self, multiplier: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = self._peak * multiplier
        self._optimizer.step()


def _adamw(design: Design, decayed: Tensors, plain: Tensors) -> list[Update]:
    if not decayed and not plain:
        return []
    groups = [
        {"params": list(decayed), "weight_decay": design.weight_decay},
        {"params": list(plain), "weight_decay": 0.0},
    ]
    fused = (*decayed, *plain)[0].is_cuda
    betas = (design.beta1, design.beta2)
    optimizer = torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=design.lr, betas=betas, eps=_EPSILON, fused=fused, foreach=not fused,
    )  # fmt: skip
    return [_Stock(optimizer, design.lr)]


_Rule = Callable[[Design, list[torch.Tensor], list[torch.Tensor]], list[torch.Tensor]]


class _Plain:
    """Rules with one buffer for each parameter."""

    def __init__(self, design: Design, decayed: Tensors, plain: Tensors, rule: _Rule) -> None:
        self._design = design
        self._rule = rule
        self._decayed = list(decayed)
        self._all = [*decayed, *plain]
        self._buffers = [torch.zeros_like(value) for value in self._all]

    @torch.no_grad()
    def step(self, multiplier: float) -> None:
        rate = self._design.lr * multiplier
        gradients = [_gradient(value) for value in self._all]
        moves = self._rule(self._design, self._buffers, gradients)
        if self._decayed:
            torch._foreach_mul_(self._decayed, 1.0 - rate * self._design.weight_decay)
        torch._foreach_add_(self._all, moves, alpha=-rate)


def _sgd(design: Design, buffers: list[torch.Tensor], gradients: list[torch.Tensor]) -> list[torch.Tensor]:
    torch._foreach_mul_(buffers, design.beta1)
    torch._foreach_add_(buffers, gradients)
    return buffers


def _lion(design: Design, buffers: list[torch.Tensor], gradients: list[torch.Tensor]) -> list[torch.Tensor]:
    moves = [torch.sign(b.lerp(g, 1.0 - design.beta1)) for b, g in zip(buffers, gradients, strict=True)]
    torch._foreach_lerp_(buffers, gradients, 1.0 - design.beta2)
    return moves


class _Muon:
    """Orthogonalised momentum for matrices (fan_out, fan_in)."""

    def __init__(self, design: Design, matrices: Tensors) -> None:
        self._design = design
        self._matrices = list(matrices)
        self._buffers = [torch.zeros_like(value) for value in self._matrices]

    @torch.no_grad()
    def step(self, multiplier: float) -> None:
        rate = self._design.matrix_lr * multiplier
        for matrix, buffer in zip(self._matrices, self._buffers, strict=True):
            matrix.mul_(1.0 - rate * self._design.weight_decay)
            gradient = _gradient(matrix)
            buffer.lerp_(gradient, 1.0 - _MUON_MOMENTUM)
            move = newton_schulz(gradient.lerp(buffer, _MUON_MOMENTUM))
            scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
            matrix.add_(move.to(matrix.dtype), alpha=-rate * scale)


def newton_schulz(matrix: torch.Tensor) -> torch.Tensor:
    """About the nearest orthogonal matrix: all singular values move towards 1. Bfloat16 on a GPU."""
    a, b, c = _QUINTIC
    wide = matrix.shape[0] <= matrix.shape[1]
    x: torch.Tensor = matrix if wide else matrix.t()
    x = x.to(torch.bfloat16) if x.is_cuda else x
    x = x / (x.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.t()
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if wide else x.t()


def _gradient(value: torch.Tensor) -> torch.Tensor:
    gradient: torch.Tensor | None = value.grad
    return torch.zeros_like(value) if gradient is None else gradient
