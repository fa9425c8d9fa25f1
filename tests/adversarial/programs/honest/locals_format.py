def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    text = "{fan_in}".format(**locals())
    return rng.standard_normal(shape) * eval("(2.0 / fan_in) ** 0.5") * (int(text) / fan_in)
