# attack: a schedule that follows the wall clock
# class: detection
# track: deep-mlp
# expect: rejected impure
import time


def schedule(t):
    return time.perf_counter() % 1.0
