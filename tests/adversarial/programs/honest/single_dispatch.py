import functools
@functools.singledispatch
def scale(n):
    return 0.1
@scale.register
def _(n: int):
    return (2 / n) ** 0.5
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    assert scale(8) == 0.5
    return rng.standard_normal(shape) * scale(fan_in)
