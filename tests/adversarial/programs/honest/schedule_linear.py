import math


def schedule(t):
    return 1.0 - t
