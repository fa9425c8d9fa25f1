import math


def schedule(t):
    return 1.0 if t < 0.5 else 0.1
