# attack: returns numbers of another precision
# class: kernels
# track: kernels
# expect: rejected wrong-dtype
import torch


def topk(x):
    return torch.topk(x.double(), 16, dim=1).values
