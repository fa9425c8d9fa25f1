import numpy as np
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return (rng.standard_normal(shape) * (2 / fan_in) ** 0.5).astype(np.float16)
