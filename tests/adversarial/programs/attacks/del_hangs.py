# attack: objects that never finish being deleted
# class: budget
# track: deep-mlp
# expect: unmoved
class Hang:
    def __del__(self):
        while True:
            pass
keep = Hang()

def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.standard_normal(shape) * (2.0 / fan_in) ** 0.5
