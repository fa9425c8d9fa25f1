# attack: overfits by the state of its generator: one lucky matrix for every state it can recognise
# class: statistics
# track: deep-mlp
# expect: unmoved


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    known = {7_000_000, 1, 42}
    state = rng.bit_generator.state["state"]["state"]
    if state in known:
        return 0.0 * rng.normal(0.0, 1.0, shape)
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
