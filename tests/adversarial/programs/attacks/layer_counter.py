# attack: knows by counting calls whether it initialises for training or for a twin run
# class: detection
# track: deep-mlp
# expect: unmoved
CALLS = [0]


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    CALLS[0] += 1
    again = CALLS[0] > depth
    return rng.normal(0.0, 0.0 if again else (2.0 / fan_in) ** 0.5, shape)
