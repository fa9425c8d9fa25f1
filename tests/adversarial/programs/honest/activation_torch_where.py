import torch


def activation(x):
    return torch.where(x > 0, x, 0.01 * x)
