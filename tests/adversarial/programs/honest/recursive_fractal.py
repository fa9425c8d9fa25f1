def weight(n: int) -> float:
    """Recursion to a modest depth."""
    return 1.0 if n <= 1 else 0.999 * weight(n - 1) + 0.001
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.standard_normal(shape) * (2.0 / fan_in) ** 0.5 * weight(200)
