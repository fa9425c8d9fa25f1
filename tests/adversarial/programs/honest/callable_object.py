class He:
    def __init__(self, gain): self.gain = gain
    def __call__(self, shape, fan_in, fan_out, layer, depth, rng):
        return rng.standard_normal(shape) * (self.gain / fan_in) ** 0.5
initialiser = He(2.0)
