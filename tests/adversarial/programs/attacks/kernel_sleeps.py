# attack: sleeps in every call, which costs no processor time and holds the machine for hours
# class: kernels
# track: kernels
# expect: rejected time-limit
import time
import numpy as np
def cumsum(x):
    time.sleep(3.0)
    return np.cumsum(x, axis=1)
