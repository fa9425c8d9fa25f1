# attack: a view of a terabyte
# class: metric channel
# track: deep-mlp
# expect: rejected wrong-shape
import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return np.broadcast_to(1.0, (1 << 20, 1 << 17))
