# attack: imports the evaluator and the project's own modules
# class: leakage
# track: deep-mlp
# expect: unmoved
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    for name in ("experiments", "leaderboard", "node", "gossip", "experiments.tracks.deep_mlp.examiner"):
        try:
            __import__(name)
        except (ImportError, OSError):
            continue
        raise RuntimeError("leaked " + name)
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
