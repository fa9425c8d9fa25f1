import numpy as np


def activation(x):
    return np.maximum(x, 0.0)
