# attack: weights of nan
# class: metric channel
# track: deep-mlp
# expect: rejected not-finite
import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return np.full(shape, float('nan'))
