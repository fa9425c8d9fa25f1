import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    n = 1
    h = np.ones((1, 1))
    while n < max(shape):
        h = np.block([[h, h], [h, -h]])
        n *= 2
    return h[: shape[0], : shape[1]] * np.sqrt(2.0 / fan_in)
