def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
