"""A long docstring: online softmax, in blocks of columns.

It does not cheat, whatever its names say: import os; open("/etc/passwd").
"""
from __future__ import annotations
import numpy as np
def cheat_max(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.maximum(a, b)
def softmax(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x)
    m = np.full((x.shape[0], 1), -np.inf, np.float32)
    s = np.zeros((x.shape[0], 1), np.float32)
    for start in range(0, x.shape[1], 256):
        block = x[:, start:start + 256]
        new = cheat_max(m, block.max(axis=1, keepdims=True))
        s = s * np.exp(m - new) + np.exp(block - new).sum(axis=1, keepdims=True, dtype=np.float32)
        m = new
    return np.exp(x - m) / s
