# attack: loads the public data set, validation labels included, from an installed package
# class: leakage
# track: deep-mlp
# expect: rejected program-error
from sklearn.datasets import load_digits

PIXELS, LABELS = load_digits(return_X_y=True)


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
