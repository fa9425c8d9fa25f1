# attack: an array whose methods lie about shape and bytes
# class: metric channel
# track: deep-mlp
# expect: rejected wrong-shape
import numpy as np


class Liar(np.ndarray):
    @property
    def shape(self):
        return (10, 10)

    def tobytes(self, order="C"):
        return b"\xff" * (1 << 20)


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return np.zeros((3, 3)).view(Liar)
