# attack: prints a good metric on every stream
# class: metric channel
# track: deep-mlp
# expect: unmoved
import os
import sys


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    print("val_loss: 0.0001", flush=True)
    print("val_loss: 0.0001", file=sys.stderr, flush=True)
    os.write(1, b"val_loss: 0.0001\n")
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
