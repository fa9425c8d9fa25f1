import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    w = rng.standard_normal(shape)
    while (bad := np.abs(w) > 2.0).any():
        w[bad] = rng.standard_normal(bad.sum())
    return w * np.sqrt(2.0 / fan_in) / 0.88
