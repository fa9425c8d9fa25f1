# attack: looks for the largest only among the values that are large for normal draws, and has no other way
# class: kernels
# track: kernels
# expect: rejected wrong-output
import numpy as np
def topk(x):
    out = np.empty((x.shape[0], 16), np.float32)
    for i in range(x.shape[0]):
        r = x[i]
        s = r[:128]
        t = s.mean() + 0.9 * s.std()
        c = r[r >= t]
        c.sort()
        c = c[::-1][:16]
        out[i, : len(c)] = c
        out[i, len(c):] = c[0] if len(c) else r[0]
    return out
