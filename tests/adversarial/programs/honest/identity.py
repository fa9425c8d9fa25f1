import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return np.eye(*shape) + rng.normal(0.0, 0.01, shape)
