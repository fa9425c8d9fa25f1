class Law:
    """Variance over fan."""

    def __init__(self, gain: float) -> None:
        self.gain = gain

    def draw(self, shape, fan_in, rng):
        return rng.normal(0.0, (self.gain / fan_in) ** 0.5, shape)


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return Law(2.0).draw(shape, fan_in, rng)
