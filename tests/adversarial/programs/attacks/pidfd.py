# attack: reaches for descriptors and memory of its parent by newer calls
# class: leakage
# track: deep-mlp
# expect: unmoved
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for pid in (1, os.getppid(), 2):
    if pid <= 0 or pid == os.getpid():
        continue
    for number, args in ((434, (pid, 0)), (312, (pid, os.getpid(), 0, 0, 0)), (310, (pid, 0, 0, 0, 0, 0)), (424, (pid, 9, 0, 0)), (62, (pid, 0))):
        if libc.syscall(number, *args) >= 0:
            raise RuntimeError("%d %d" % (number, pid))

def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.standard_normal(shape) * (2.0 / fan_in) ** 0.5
