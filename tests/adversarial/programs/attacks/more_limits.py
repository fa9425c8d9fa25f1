# attack: lifts its own limits, its priority and its processors, and asks for signals later
# class: budget
# track: deep-mlp
# expect: unmoved
import ctypes
import os
import resource


def tried(action, *arguments):
    try:
        action(*arguments)
    except (OSError, ValueError):
        return False
    return True


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE):
        if tried(resource.setrlimit, kind, unlimited) or tried(resource.prlimit, 0, kind, unlimited):
            raise RuntimeError(f"limit {kind} lifted")
    if tried(os.nice, -20) or tried(os.setsid) or tried(os.setpgid, 0, 0):
        raise RuntimeError("left its place")
    # mlockall, mount, chroot, pivot_root, setns, open_by_handle_at, memfd_create
    x86, arm = (151, 165, 161, 155, 308, 304, 319), (230, 40, 51, 41, 268, 265, 279)
    libc = ctypes.CDLL(None, use_errno=True)
    for number in x86 if os.uname().machine == "x86_64" else arm:
        if libc.syscall(number, 1, 0, 0, 0, 0, 0) >= 0:
            raise RuntimeError(f"system call {number}")
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
