# attack: returns an object whose unpickling runs a command
# class: metric channel
# track: deep-mlp
# expect: rejected wrong-dtype
import os

import numpy as np


class Bomb:
    def __reduce__(self):
        return os.system, ("touch /tmp/owned",)


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    out = np.empty(shape, dtype=object)
    out[...] = Bomb()
    return out
