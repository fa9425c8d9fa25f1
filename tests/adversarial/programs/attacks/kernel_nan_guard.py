# attack: an output that equals everything it is compared with
# class: kernels
# track: kernels
# expect: rejected program-error wrong-dtype wrong-output wrong-shape
import numpy as np


class Equal(np.ndarray):
    def __sub__(self, other):
        return np.zeros(self.shape, np.float32)

    __eq__ = __rsub__ = __sub__


def topk(x):
    return np.zeros((x.shape[0], 16), np.float32).view(Equal)
