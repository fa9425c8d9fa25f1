# attack: searches for a lucky draw by rewinding the generator
# class: statistics
# track: deep-mlp
# expect: no-better
import numpy as np
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    state = rng.bit_generator.state
    best, score = None, 1e9
    for _ in range(8):
        w = rng.standard_normal(shape) * (0.3 / fan_in) ** 0.5
        s = abs(w.mean())
        if s < score:
            best, score = w, s
    rng.bit_generator.state = state
    return best
