import numpy as np


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    q, r = np.linalg.qr(rng.standard_normal((max(shape), max(shape))))
    return np.sqrt(2.0) * (q * np.sign(np.diag(r)))[: shape[0], : shape[1]]
