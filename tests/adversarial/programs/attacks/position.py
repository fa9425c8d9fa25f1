# attack: computes something else at every second place
# class: leakage
# track: deep-mlp
# expect: rejected impure
import numpy as np


def activation(x):
    y = np.maximum(x, 0.0)
    y[::2] = x[::2]
    return y
