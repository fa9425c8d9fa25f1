# attack: fills memory by small objects until nothing is left, and swallows the error
# class: resource exhaustion
# track: deep-mlp
# expect: rejected time-limit memory-limit crashed
# seconds: 2
keep = []
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    while True:
        try:
            keep.append(bytearray(1 << 20))
            for i in range(0, 1 << 20, 4096):
                keep[-1][i] = 1
        except MemoryError:
            pass
