"""Functions that references of several tasks share."""

from __future__ import annotations

import numpy as np
from scipy import special

from ..structure.formula import Array

__all__ = ["log_softmax", "rows", "softplus"]


def rows(x: Array) -> Array:
    """Rows of length one."""
    return np.asarray(x / np.linalg.norm(x, axis=-1, keepdims=True))


def log_softmax(z: Array) -> Array:
    """Logarithms of the softmax along the last axis."""
    return np.asarray(z - special.logsumexp(z, axis=-1, keepdims=True))


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), also for large x."""
    return np.logaddexp(0.0, x)
