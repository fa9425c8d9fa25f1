import numpy as np


def topk(x):
    part = np.partition(x, x.shape[1] - 16, axis=1)[:, -16:]
    return -np.sort(-part, axis=1)
