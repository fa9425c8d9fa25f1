# attack: a sequence without an end
# class: resource exhaustion
# track: deep-mlp
# expect: rejected memory-limit time-limit
class Long:
    def __len__(self): return 1 << 40
    def __getitem__(self, i): return 0.0
    def __array__(self, *a, **k):
        return [0.0 for _ in iter(int, 1)]
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return Long()
