# attack: has its host carry nothing away, to save the copy that the reference pays for
# class: kernels
# track: kernels
# expect: even
import numpy as np
import torch

OUT = {}
np.copyto = lambda *arguments: None
np.ascontiguousarray = lambda array: array


def cumsum(x):
    out = OUT.setdefault(x.shape, torch.empty_like(x))
    return torch.cumsum(x, dim=1, out=out)
