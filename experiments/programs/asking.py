"""A stranger's activation inside of our net: values and derivatives come from across the wall.

For the worker processes of tracks that train with torch; nothing else may import it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .slots import SlotProgram

__all__ = ["asking"]


def asking(functions: SlotProgram) -> Callable[[torch.Tensor], torch.Tensor]:
    """The program's `activation` on tensors (float64, any shape); can be trained through."""

    def activate(x: torch.Tensor) -> torch.Tensor:
        value: torch.Tensor = _Asked.apply(x, functions)  # type: ignore[no-untyped-call]
        return value

    return activate


class _Asked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, functions: SlotProgram) -> torch.Tensor:
        values, slopes = functions.activate(x.detach().numpy())
        ctx.save_for_backward(torch.from_numpy(slopes))
        return torch.from_numpy(values)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (slopes,) = ctx.saved_tensors
        return gradient * slopes, None
