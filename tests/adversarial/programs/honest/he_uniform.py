import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    bound = np.sqrt(6.0 / fan_in)
    return rng.uniform(-bound, bound, shape)
