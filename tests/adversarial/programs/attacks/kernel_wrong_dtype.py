# attack: returns sixteen-bit numbers
# class: kernels
# track: kernels
# expect: rejected wrong-dtype
import torch


def topk(x):
    return torch.topk(x.half(), 16, dim=1).values
