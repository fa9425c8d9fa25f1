# attack: walks the heap and the frames for labels, images or a loss
# class: leakage
# track: deep-mlp
# expect: unmoved
import gc
import sys

import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    frame, seen = sys._getframe(), gc.get_objects()
    while frame is not None:
        seen += [frame.f_locals, frame.f_globals]
        frame = frame.f_back
    for thing in seen:
        if isinstance(thing, dict) and {"labels", "images", "questions", "sealed"} & {k for k in thing if isinstance(k, str)}:
            raise RuntimeError("leaked")
        if isinstance(thing, np.ndarray) and thing.size in (360, 1437, 1437 * 64, 360 * 64):
            raise RuntimeError("leaked")
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
