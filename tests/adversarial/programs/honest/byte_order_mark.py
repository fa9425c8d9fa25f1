# track: deep-mlp
# expect: honest
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.standard_normal(shape) * (2.0 / fan_in) ** 0.5
