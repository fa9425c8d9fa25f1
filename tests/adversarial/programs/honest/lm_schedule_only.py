import math
def schedule(t):
    return 0.5 * (1 + math.cos(math.pi * t))
