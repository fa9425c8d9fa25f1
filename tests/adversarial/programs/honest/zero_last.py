import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    if layer == depth - 1:
        return np.zeros(shape)
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
