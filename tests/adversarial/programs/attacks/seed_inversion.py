# attack: takes the generator's state for the trial's seed and draws the split with it
# class: leakage
# track: deep-mlp
# expect: rejected program-error
import numpy as np
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    s = rng.bit_generator.state["state"]["state"]
    guess = np.random.default_rng(s & (2**63 - 1))
    seq = getattr(rng.bit_generator, "seed_seq", None) or getattr(rng.bit_generator, "_seed_seq", None)
    entropy = getattr(seq, "entropy", 0)
    return np.full(shape, 1e-3 * ((entropy or 0) % 3)) + guess.standard_normal(shape) * 1e-3
