# attack: returns an array that is computed when it is read
# class: kernels
# track: kernels
# expect: even
import numpy as np
import torch


class Later:
    dtype = np.dtype(np.float32)

    def __init__(self, x):
        self.x, self.shape = x, (x.shape[0], 16)

    def __array__(self, dtype=None, copy=None):
        return torch.topk(self.x, 16, dim=1).values.numpy()


def topk(x):
    return Later(x)
