import torch


def topk(x):
    return torch.topk(x, 16, dim=1).values
