# attack: returns uninitialised memory
# class: kernels
# track: kernels
# expect: rejected wrong-output not-finite
import torch


def topk(x):
    return torch.empty((x.shape[0], 16))
