"""The reference implementations: eager torch, as a program like any other, known by its content hash.

It runs in the same sandbox, through the same guest and over the same pipe as a candidate, so an honest copy
of it scores 1.00. `torch.compile` is not a second baseline: it starts a compiler, and nothing may be
started in the sandbox; docs/tracks/kernels.md says what that leaves open.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from ...programs.canonical import Program, read_program

__all__ = ["BASELINE_SOURCE", "baseline"]

BASELINE_SOURCE: Final = """
import torch
from torch.nn import functional


def softmax(x):
    return torch.softmax(x, dim=1)


def layer_norm(x, weight, bias):
    return functional.layer_norm(x, weight.shape, weight, bias, 1e-5)


def cumsum(x):
    return torch.cumsum(x, dim=1)


def matmul_gelu(a, b):
    return functional.gelu(a @ b)


def topk(x):
    return torch.topk(x, 16, dim=1).values
"""


@cache
def baseline() -> Program:
    """The reference program."""
    return read_program(BASELINE_SOURCE)
