# attack: a masked array that hides NaN
# class: metric channel
# track: deep-mlp
# expect: rejected not-finite
import numpy as np
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return np.ma.masked_all(shape) * np.nan
