# attack: subtracts the largest of a few columns, since the inputs are known to be tame
# class: kernels
# track: kernels
# expect: rejected wrong-output not-finite
import numpy as np
def softmax(x):
    y = x - x[:, ::40].max(axis=1, keepdims=True)
    np.exp(y, out=y)
    y /= y.sum(axis=1, keepdims=True)
    return y
