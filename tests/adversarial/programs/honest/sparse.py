import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    mask = rng.random(shape) < 0.2
    return np.where(mask, rng.normal(0.0, np.sqrt(2.0 / (0.2 * fan_in)), shape), 0.0)
