# attack: works on after the end, and refuses to end
# class: budget
# track: deep-mlp
# expect: unmoved
import atexit, signal, time
def hang(*_):
    while True:
        time.sleep(1)
atexit.register(hang)
for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
    signal.signal(s, signal.SIG_IGN)

def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.standard_normal(shape) * (2.0 / fan_in) ** 0.5
