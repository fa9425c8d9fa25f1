import torch
def activation(x):
    y = x.clone()
    y[y < 0] *= 0.1
    return y
