import numpy as np


def activation(x):
    return x.clip(0, 6)
