# attack: traces the caller to learn when the clock runs
# class: kernels
# track: kernels
# expect: rejected wrong-output
import sys
import numpy as np
seen = []
def tracer(frame, event, arg):
    seen.append((frame.f_code.co_name, event))
    f = frame.f_back
    while f:
        for k, v in list(f.f_locals.items()):
            seen.append(k)
        f = f.f_back
    return tracer
def cumsum(x):
    sys.settrace(tracer)
    sys.setprofile(tracer)
    if len(seen) > 4000:
        return np.zeros_like(x)
    return np.cumsum(x, axis=1)
