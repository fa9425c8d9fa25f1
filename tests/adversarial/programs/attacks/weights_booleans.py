# attack: weights as truth values
# class: metric channel
# track: deep-mlp
# expect: rejected wrong-dtype
import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return np.ones(shape, bool)
