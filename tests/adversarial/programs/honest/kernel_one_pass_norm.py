import numpy as np
def layer_norm(x, weight, bias):
    """One pass: sums of values and squares, shifted by the first column."""
    s = x[:, :1].astype(np.float64)
    y = x - s
    m = y.mean(1, keepdims=True)
    v = np.einsum("ij,ij->i", y, y)[:, None] / x.shape[1] - m * m
    return (((y - m) / np.sqrt(np.maximum(v, 0) + 1e-5)) * weight + bias).astype(np.float32)
