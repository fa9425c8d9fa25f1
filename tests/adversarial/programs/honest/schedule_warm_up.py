import math


def schedule(t):
    return min(1.0, 10.0 * t + 0.1)
