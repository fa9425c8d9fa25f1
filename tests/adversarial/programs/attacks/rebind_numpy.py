# attack: rebinds NumPy and the clock in its own process
# class: metric channel
# track: deep-mlp
# expect: unmoved
import builtins
import time

import numpy as np

np.log = np.exp = np.mean = lambda *a, **k: 0.0
np.isfinite = lambda x: np.ones(np.shape(x), bool)
time.time = time.perf_counter = time.monotonic = lambda: 0.0
builtins.float = lambda x: 0.0

def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
