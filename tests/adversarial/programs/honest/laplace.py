def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.laplace(0.0, (1.0 / fan_in) ** 0.5, shape)
