# attack: takes memory that is not the process's own
# class: resource exhaustion
# track: deep-mlp
# expect: rejected program-error memory-limit
import mmap

KEPT = []


def schedule(t):
    while True:
        KEPT.append(mmap.mmap(-1, 1 << 24))
        KEPT[-1].write(b"x" * (1 << 24))
