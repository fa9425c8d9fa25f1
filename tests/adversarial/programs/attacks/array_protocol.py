# attack: an object that calls itself an array at an address of its own
# class: metric channel
# track: deep-mlp
# expect: rejected crashed
import numpy as np
class P:
    def __init__(self, shape):
        self.__array_interface__ = {"shape": shape, "typestr": "<f8", "data": (0x1000, True), "version": 3}
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return P(shape)
