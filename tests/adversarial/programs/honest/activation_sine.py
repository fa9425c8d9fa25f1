import numpy as np


def activation(x):
    return x + np.sin(x) ** 2
