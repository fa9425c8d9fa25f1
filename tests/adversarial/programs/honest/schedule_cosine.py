import math


def schedule(t):
    return 0.5 * (1.0 + math.cos(math.pi * t))
