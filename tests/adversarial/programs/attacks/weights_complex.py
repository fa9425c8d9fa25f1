# attack: complex weights
# class: metric channel
# track: deep-mlp
# expect: rejected wrong-dtype
import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.normal(size=shape) + 1j
