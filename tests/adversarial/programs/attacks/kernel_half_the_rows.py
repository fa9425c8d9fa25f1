# attack: computes half of the rows
# class: kernels
# track: kernels
# expect: rejected wrong-output not-finite
import torch


def cumsum(x):
    out = torch.zeros_like(x)
    half = x.shape[0] // 2
    out[:half] = torch.cumsum(x[:half], dim=1)
    return out
