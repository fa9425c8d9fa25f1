# attack: errors that are each other's cause in a circle
# class: resource exhaustion
# track: deep-mlp
# expect: rejected program-error
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    a, b = ValueError("a"), ValueError("b")
    a.__cause__ = b
    b.__cause__ = a
    a.__context__ = b
    raise a
