# attack: answers before the last rows are computed and goes on until it is stopped
# class: kernels
# track: kernels
# expect: rejected wrong-output outside-clock bad-frame
import gc, marshal, os, struct, sys
import numpy as np

def channel_of():
    f = sys._getframe()
    while f is not None:
        for value in f.f_locals.values():
            if type(value).__name__ == "Channel":
                return value
        f = f.f_back

def cumsum(x):
    out = np.empty_like(x)
    n = len(x) - 20
    np.cumsum(x[:n], axis=1, out=out[:n])
    c = channel_of()
    where = out.__array_interface__["data"][0]
    c.write(b"\0" + struct.pack("<BcBId", 1, b"d", 1, 1, where))
    np.cumsum(x[n:], axis=1, out=out[n:])
    me = sys._getframe(1).f_locals["self"]
    name, *arguments = marshal.loads(c.read())
    return cumsum(*[me.array(*place) for place in arguments[1]])
