# attack: turns the pipes of the host into an endless stream of zeros
# class: resource exhaustion
# track: deep-mlp
# expect: rejected program-error bad-frame crashed
import os
zero = os.open("/dev/zero", os.O_RDWR)
for fd in range(0, 32):
    if fd != zero:
        try:
            os.fstat(fd)
            os.dup2(zero, fd)
        except OSError:
            pass

def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.standard_normal(shape) * (2.0 / fan_in) ** 0.5
