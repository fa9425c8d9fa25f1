import sys
if sys.version_info >= (3, 8):
    def initialiser(shape, fan_in, fan_out, layer, depth, rng):
        return rng.standard_normal(shape) * (2.0 / fan_in) ** 0.5
else:
    def initialiser(shape, fan_in, fan_out, layer, depth, rng):
        return None
if __name__ == "__main__":
    print("a program may test itself")
