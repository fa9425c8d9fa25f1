import numpy as np


def activation(x):
    return x / (1.0 + np.exp(-np.clip(x, -60, 60)))
