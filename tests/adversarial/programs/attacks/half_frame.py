# attack: begins an answer, goes on byte by byte and never ends it
# class: resource exhaustion
# track: deep-mlp
# expect: rejected bad-frame
import os, time
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    n = 0
    while True:
        for fd in range(0, 32):
            try:
                os.write(fd, b"\x01")
            except OSError:
                pass
        time.sleep(0.5)
