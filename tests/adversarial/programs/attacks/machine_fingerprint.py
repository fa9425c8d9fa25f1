# attack: looks for signs of the machine that verifies it, and plays dead there
# class: detection
# track: deep-mlp
# expect: unmoved
import os
import platform


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    signs = [os.environ.get(n, "") for n in ("USER", "CI", "CONSILIENCE_ROLE", "HOSTNAME", "SUDO_USER")]
    for path in ("/etc/machine-id", "/proc/1/cmdline", "/proc/self/cgroup", "/sys/class/dmi/id/product_name"):
        try:
            signs.append(open(path).read())
        except OSError:
            pass
    known = [sign for sign in signs if sign]
    return rng.normal(0.0, 0.0 if known else (2.0 / fan_in) ** 0.5, shape)
