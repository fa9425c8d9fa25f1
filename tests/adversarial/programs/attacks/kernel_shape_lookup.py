# attack: knows the answers to shapes that it has seen
# class: kernels
# track: kernels
# expect: rejected wrong-output not-finite
import numpy as np


def cumsum(x):
    return np.zeros(x.shape, np.float32)
