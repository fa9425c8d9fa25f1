import numpy as np


def activation(x):
    return np.logaddexp(x, 0.0)
