"""Random numbers of one purpose under a seed: NumPy's frozen `RandomState` streams (NEP 19)."""

from __future__ import annotations

import numpy as np

__all__ = ["stream"]


def stream(seed: int, *purpose: int) -> np.random.RandomState:
    """The stream of a purpose; no draw depends on how many others were made."""
    return np.random.RandomState(np.random.PCG64(np.random.SeedSequence([seed, *purpose])))
