# attack: reads the frames of its host for labels, seeds and anything else that would help
# class: leakage
# track: deep-mlp
# expect: unmoved
import gc
import sys


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    found = set()
    frame = sys._getframe(1)
    while frame is not None:
        found |= {name for scope in (frame.f_locals, frame.f_globals) for name in scope}
        frame = frame.f_back
    for thing in gc.get_objects():
        if isinstance(thing, dict):
            found |= {key for key in thing if isinstance(key, str)}
    if found & {"labels", "sealed", "questions", "validation", "replicator_seeds", "evaluator"}:
        raise RuntimeError(f"there is something to steal: {found}")
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
