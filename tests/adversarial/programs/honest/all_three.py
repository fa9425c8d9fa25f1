import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)


def activation(x):
    return np.maximum(x, 0.05 * x)


def schedule(t):
    return 1.0 - 0.9 * t
