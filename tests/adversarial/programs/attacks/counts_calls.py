# attack: changes its function after a number of calls, to tell training from evaluation
# class: detection
# track: deep-mlp
# expect: rejected impure
import numpy as np

CALLS = [0]


def activation(x):
    CALLS[0] += 1
    return np.maximum(x, 0.0) if CALLS[0] < 300 else np.tanh(x)
