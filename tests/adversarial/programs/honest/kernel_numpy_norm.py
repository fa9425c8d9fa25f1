import numpy as np


def layer_norm(x, weight, bias):
    centred = x - x.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.mean(centred * centred, axis=1, keepdims=True) + 1e-5)
    return centred / spread * weight + bias
