import numpy as np


def activation(x):
    return np.maximum(x, 0.0)


def activation_derivative(x):
    return (x > 0).astype(float)
