# attack: stops every clock of its own process
# class: kernels
# track: kernels
# expect: even
import time

import torch

time.time = time.perf_counter = time.process_time = lambda: 0.0
torch.cuda.Event = None
torch.cuda.synchronize = lambda *a: None


def topk(x):
    return torch.topk(x, 16, dim=1).values
