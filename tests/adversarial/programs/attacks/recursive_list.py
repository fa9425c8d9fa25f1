# attack: a list that contains itself
# class: resource exhaustion
# track: deep-mlp
# expect: rejected program-error time-limit crashed memory-limit wrong-shape wrong-dtype
# seconds: 2
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    w = []
    w.extend([w] * shape[1])
    return w
