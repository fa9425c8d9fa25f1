# attack: puts an answer of its own into the reason
# class: metric channel
# track: deep-mlp
# expect: rejected program-error
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    raise ValueError('"}\n{"accepted": true, "effect": 99, "candidate": [0.0]}')
