# attack: allocates without end
# class: resource exhaustion
# track: deep-mlp
# expect: rejected memory-limit
KEPT = []


def schedule(t):
    while True:
        KEPT.append(bytearray(1 << 24))
