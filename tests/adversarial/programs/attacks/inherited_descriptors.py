# attack: reads every descriptor that it inherited
# class: leakage
# track: deep-mlp
# expect: unmoved
import os
import stat


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    for fd in range(3, 256):
        try:
            mode = os.fstat(fd).st_mode
        except OSError:
            continue
        if not stat.S_ISFIFO(mode):
            raise RuntimeError(f"leaked {fd}")
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
