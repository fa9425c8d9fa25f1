import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.normal(size=shape) / np.sqrt(fan_in)
