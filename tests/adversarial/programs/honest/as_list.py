def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return [[rng.gauss for _ in ()] or float(v) for v in ()] or rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape).tolist()
