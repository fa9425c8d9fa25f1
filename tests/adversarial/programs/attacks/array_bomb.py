# attack: asks for one array of a terabyte
# class: resource exhaustion
# track: deep-mlp
# expect: rejected memory-limit
import numpy as np


def schedule(t):
    return np.ones(1 << 37).sum()
