import numpy as np


def activation(x):
    return np.where(x > 0, x, 0.1 * x)
