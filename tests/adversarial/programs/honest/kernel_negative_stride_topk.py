import numpy as np
def topk(x):
    return np.sort(x, axis=1)[:, ::-1][:, :16]
