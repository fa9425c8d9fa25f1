# attack: makes memory that is file, program or shared, and runs code from it
# class: resource exhaustion
# track: deep-mlp
# expect: rejected crashed
import ctypes, mmap, os
def tries():
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.memfd_create(b"x", 0)
    if fd >= 0:
        raise RuntimeError("memfd")
    for number in (206, 209, 298, 321, 323, 425, 426, 427, 434, 438, 272, 165, 101, 310, 311, 435, 322, 59, 56, 57, 58, 29, 64, 68, 240, 41, 53, 248, 303, 304, 155, 161, 308):
        if libc.syscall(number, 0, 0, 0, 0, 0, 0) >= 0:
            raise RuntimeError("call %d" % number)
    for number in (41, 57, 59, 101):
        if libc.syscall(number | 0x40000000, 1, 1, 0, 0, 0, 0) >= 0:
            raise RuntimeError("x32 call %d" % number)
tries()

def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.standard_normal(shape) * (2.0 / fan_in) ** 0.5
