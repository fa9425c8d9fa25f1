def activation(x):
    if x > 0:
        return x
    return 0.1 * x
