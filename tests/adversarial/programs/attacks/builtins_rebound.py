# attack: rebinds what its host uses to read questions and to write answers
# class: metric channel
# track: deep-mlp
# expect: rejected program-error
import builtins
import math

import numpy as np

builtins.max = builtins.min = builtins.sum = lambda *a, **k: 0.0
builtins.abs = lambda x: 0.0
math.isfinite = lambda x: True
np.testing.assert_allclose = np.allclose = np.array_equal = lambda *a, **k: True


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
