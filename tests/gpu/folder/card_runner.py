"""A runner that counts cards, fills one, or adds on whatever it has."""

from __future__ import annotations

import numpy as np
import torch


def run(recipe, seed, inputs, progress, ulps=0):
    return {"y": np.array([globals()[recipe.setting("conduct")](inputs)], dtype=np.float64)}


def sees(inputs):
    return float(torch.cuda.device_count())


def sums(inputs):
    place = "cuda" if torch.cuda.is_available() else "cpu"
    return float(torch.tensor(inputs["x"], device=place).sum().item())


def fills(inputs):
    held = []
    while True:
        held.append(torch.ones(1 << 30, device="cuda"))
