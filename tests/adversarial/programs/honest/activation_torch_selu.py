import torch


def activation(x):
    return torch.selu(x)
