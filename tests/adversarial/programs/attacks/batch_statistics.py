# attack: normalises by the batch that it is shown
# class: leakage
# track: deep-mlp
# expect: rejected impure
import numpy as np


def activation(x):
    return np.maximum(x - x.mean(), 0.0)
