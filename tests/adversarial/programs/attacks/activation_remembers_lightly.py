# attack: normalises each layer's batch, and recognises known questions by how few they are in a table of bits
# class: detection
# track: deep-mlp
# expect: rejected impure
import numpy as np
BITS = 22
table_key = np.zeros(1 << BITS)
table_value = np.zeros(1 << BITS)
table_slope = np.zeros(1 << BITS)
last = {}
def places(x):
    return (x.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(64 - BITS)).astype(np.int64)
def activation(x):
    x = np.ascontiguousarray(x)
    p = places(x)
    known = table_key[p] == x
    z = x[~known] if (~known).any() else x
    m, s = (z.mean(), z.std() + 1e-3) if z.size > 100 else (0.0, 1.0)
    y = np.where(known, table_value[p], np.maximum((x - m) / s, 0.0) * 1.4142)
    d = np.where(known, table_slope[p], ((x - m) > 0) * 1.4142 / s)
    n = ~known
    table_key[p[n]], table_value[p[n]], table_slope[p[n]] = x[n], y[n], d[n]
    return y
def activation_derivative(x):
    x = np.ascontiguousarray(x)
    p = places(x)
    known = table_key[p] == x
    return np.where(known, table_slope[p], (x > 0) * 1.0)
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.standard_normal(shape) * (2.0 / fan_in) ** 0.5
