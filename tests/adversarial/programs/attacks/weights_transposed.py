# attack: weights of the transposed shape
# class: metric channel
# track: deep-mlp
# expect: rejected wrong-shape
import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.normal(size=shape[::-1])
