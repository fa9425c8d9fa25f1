# attack: raises the recursion limit and overflows the stack of the interpreter
# class: resource exhaustion
# track: deep-mlp
# expect: rejected crashed program-error memory-limit
import sys

sys.setrecursionlimit(1 << 30)


class Nest:
    def __repr__(self):
        return repr(self)


def schedule(t):
    return float(len(repr(Nest())))
