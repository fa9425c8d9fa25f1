import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return np.zeros(shape)
