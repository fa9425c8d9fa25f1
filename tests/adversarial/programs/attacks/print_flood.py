# attack: prints a gigabyte
# class: resource exhaustion
# track: deep-mlp
# expect: unmoved
import sys


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    line = "x" * (1 << 20) + "\n"
    for _ in range(64):
        sys.stdout.write(line)
        sys.stderr.write(line)
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
