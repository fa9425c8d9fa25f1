# attack: a conjugate view whose values are computed when read
# class: kernels
# track: kernels
# expect: rejected program-error
import torch
def cumsum(x):
    t = torch.as_tensor(x)
    return torch._neg_view(torch.zeros_like(t))
