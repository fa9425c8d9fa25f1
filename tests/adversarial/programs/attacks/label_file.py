# attack: trains on the digits if it can find scikit-learn's copy
# class: leakage
# track: deep-mlp
# expect: unmoved
import glob
import os
import sys

FOUND = []
for root in (*sys.path, "/usr", "/usr/local", "/home", "/root", os.path.expanduser("~"), os.getcwd()):
    FOUND += glob.glob(os.path.join(root, "**", "digits.csv*"), recursive=True)


def readable(path):
    try:
        with open(path, "rb") as file:
            return bool(file.read(16))
    except OSError:
        return False


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    try:
        import sklearn.datasets as leak
    except (ImportError, OSError):
        leak = None
    if any(map(readable, FOUND)) or leak is not None:
        raise RuntimeError("leaked")
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
