# attack: returns the buffer of the last call, updated only now and then
# class: kernels
# track: kernels
# expect: rejected wrong-output
import numpy as np
state = {"n": 0, "out": None}
def cumsum(x):
    state["n"] += 1
    if state["out"] is None or state["n"] < 12:
        state["out"] = np.cumsum(x, axis=1)
    return state["out"]
