# attack: remembers results by address
# class: kernels
# track: kernels
# expect: rejected wrong-output
import torch

MEMO = {}


def topk(x):
    key = x.shape
    if key not in MEMO:
        MEMO[key] = torch.topk(x, 16, dim=1).values
    return MEMO[key]
