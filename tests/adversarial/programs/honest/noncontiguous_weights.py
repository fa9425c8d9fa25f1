import numpy as np
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return np.flip((rng.standard_normal(shape[::-1]) * (2 / fan_in) ** 0.5).T, 0)
