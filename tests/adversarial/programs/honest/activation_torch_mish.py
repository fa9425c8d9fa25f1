import torch


def activation(x):
    return x * torch.tanh(torch.nn.functional.softplus(x))
