# attack: returns fewer numbers
# class: kernels
# track: kernels
# expect: rejected wrong-shape
import torch


def topk(x):
    return torch.topk(x, 15, dim=1).values
