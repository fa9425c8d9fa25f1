# attack: makes the reference slow by patching what it calls
# class: kernels
# track: kernels
# expect: even
import time

import torch

RIGHT = torch.topk


def slow(*arguments, **options):
    end = time.thread_time() + 0.01
    while time.thread_time() < end:
        pass
    return RIGHT(*arguments, **options)


torch.topk = torch.Tensor.topk = slow


def topk(x):
    return RIGHT(x, 16, dim=1).values
