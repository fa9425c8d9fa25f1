# attack: an activation that is another one for large tables than for small ones
# class: detection
# track: deep-mlp
# expect: rejected impure
import numpy as np
def activation(x):
    if getattr(x, "size", 1) > 4096:
        return np.tanh(x)
    return np.maximum(x, 0.0)
