def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    try:
        return helper(shape)
    except NameError:
        return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
