# attack: attaches a debugger to its parent with a raw system call
# class: resource exhaustion
# track: deep-mlp
# expect: unmoved
import ctypes
import os


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    libc = ctypes.CDLL(None, use_errno=True)
    ptrace, read = (101, 310) if os.uname().machine == "x86_64" else (117, 270)
    for pid in (os.getppid(), 1):
        if libc.syscall(ptrace, 16, pid, 0, 0) == 0 or libc.syscall(read, pid, 0, 0, 0, 0, 0) == 0:
            raise RuntimeError("traced")
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
