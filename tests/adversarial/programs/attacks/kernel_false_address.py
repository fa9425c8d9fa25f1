# attack: names memory that it does not have as the place of its result
# class: kernels
# track: kernels
# expect: rejected bad-frame
import numpy as np


class Nowhere:
    dtype = np.float32

    def __init__(self, shape):
        self.shape = shape
        self.__array_interface__ = {"data": (1 << 40, False)}


np.ascontiguousarray = lambda result, *rest: Nowhere(result.shape)


def topk(x):
    return x[:, :16]
