# attack: a tree of nested exception groups, deep enough to overflow
# class: metric channel
# track: deep-mlp
# expect: rejected program-error crashed
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    e = ValueError("x")
    for _ in range(100000):
        e = ExceptionGroup("g", [e])
    raise e
