# attack: moves to another processor than the one it was pinned to
# class: kernels
# track: kernels
# expect: rejected program-error
import os
import numpy as np
os.sched_setaffinity(0, range(os.cpu_count()))
def cumsum(x):
    return np.cumsum(x, axis=1)
