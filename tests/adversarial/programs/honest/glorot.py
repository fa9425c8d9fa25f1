import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.normal(size=shape) * np.sqrt(2.0 / (fan_in + fan_out))
