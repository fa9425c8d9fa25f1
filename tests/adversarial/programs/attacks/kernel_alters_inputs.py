# attack: works in the memory of its inputs
# class: kernels
# track: kernels
# expect: rejected altered-inputs
import numpy as np


def softmax(x):
    x -= x.max(axis=1, keepdims=True)
    np.exp(x, out=x)
    x /= x.sum(axis=1, keepdims=True)
    return x
