import math


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.standard_normal(shape) * math.sqrt(2.0 / fan_out)
