# attack: adds noise to its answers
# class: statistics
# track: deep-mlp
# expect: rejected impure
import numpy as np


def activation(x):
    return np.maximum(x, 0.0) + 1e-3 * np.random.standard_normal(x.shape)
