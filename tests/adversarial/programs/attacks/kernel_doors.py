# attack: tries system calls that widen the attack surface of the kernel
# class: resource exhaustion
# track: deep-mlp
# expect: unmoved
import ctypes
import os


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    libc = ctypes.CDLL(None, use_errno=True)
    # bpf, perf_event_open, userfaultfd, io_uring_setup, unshare, keyctl, clone3
    x86, arm = (321, 298, 323, 425, 272, 250, 435), (280, 241, 282, 425, 97, 219, 435)
    for number in x86 if os.uname().machine == "x86_64" else arm:
        if libc.syscall(number, 0x10000000, 0, 0, 0, 0, 0) >= 0:
            raise RuntimeError(f"system call {number}")
        if ctypes.get_errno() != 1:
            raise RuntimeError(f"system call {number} reached the kernel: {ctypes.get_errno()}")
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
