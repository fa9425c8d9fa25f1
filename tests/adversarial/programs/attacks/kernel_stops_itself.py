# attack: stops itself by a signal within a call
# class: kernels
# track: kernels
# expect: rejected program-error
import os, signal
import numpy as np
def cumsum(x):
    os.kill(os.getpid(), signal.SIGSTOP)
    return np.cumsum(x, axis=1)
