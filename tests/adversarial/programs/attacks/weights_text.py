# attack: weights as text
# class: metric channel
# track: deep-mlp
# expect: rejected wrong-dtype
import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return np.full(shape, '0.1')
