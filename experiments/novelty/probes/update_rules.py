"""Reference update rules, as arithmetic on arrays.

Each rule is a function of (gradients, starting point, hyper-parameters) that gives the increments of the
parameters at a step size of 1.  The step size is fitted outside, because every optimizer has one; hyper-
parameters lie in (0, 1) and are fitted too.  Epsilon is taken as zero: probe gradients are of order one.

Sources: Polyak 1964, Nesterov 1983, Rprop (Riedmiller & Braun 1993), Adagrad (Duchi et al. 2011), Adadelta
(arXiv:1212.5701), RMSprop (Tieleman & Hinton 2012), Adam and Adamax (arXiv:1412.6980), Nadam (Dozat 2016),
AMSGrad (Reddi et al. 2018), QHM (arXiv:1810.06801), signSGD and Signum (arXiv:1802.04434), Lion
(arXiv:2302.06675), AdaBelief (arXiv:2010.07468), Yogi (Zaheer et al. 2018), LaProp (arXiv:2002.04839),
ADOPT (arXiv:2411.02853), RAdam (arXiv:1908.03265).  Muon (Jordan 2024) is recognised by the probe itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["RULES", "Array", "Rule"]

Array = NDArray[np.float64]
Increments = Callable[[Array, Array, tuple[float, ...]], Array]
"""(gradients of shape (steps, *shape), parameters before each step, hyper-parameters) to increments."""

_TINY = 1e-30  # keeps 0/0 at 0 in the first step of a rule


@dataclass(frozen=True, slots=True)
class Rule:
    """A known rule: its start values for the fit (one a hyper-parameter), and what it must show.

    `degree` is its degree of homogeneity in the gradients (1 linear, 0 scale-free, None neither); `whole`
    says that it looks at an array as a whole (a norm, a matrix), so elements are not independent.  `jumps`
    marks rules whose steps are signs: their hyper-parameters are tried, not fitted.
    """

    technique: str
    increments: Increments
    names: tuple[str, ...] = ()
    starts: tuple[tuple[float, ...], ...] = ((),)
    degree: int | None = 0
    whole: bool = False
    jumps: bool = False


def _sgd(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001 - one signature for all rules
    return -g


def _average(g: Array, decay: float) -> Array:
    """Running sum m = decay*m + g."""
    m, out = np.zeros_like(g[0]), np.empty_like(g)
    for t, gradient in enumerate(g):
        m = decay * m + gradient
        out[t] = m
    return out


def _ema(g: Array, decay: float) -> Array:
    return np.asarray((1.0 - decay) * _average(g, decay))


def _corrected(g: Array, decay: float) -> Array:
    steps = np.arange(1, len(g) + 1).reshape(-1, *[1] * (g.ndim - 1))
    return np.asarray(_ema(g, decay) / (1.0 - decay**steps))


def _momentum(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    return -_average(g, h[0])


def _nesterov(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    return -(g + h[0] * _average(g, h[0]))


def _qhm(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    return -((1.0 - h[1]) * g + h[1] * _ema(g, h[0]))


def _sign(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    return np.asarray(-np.sign(g))


def _signum(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    return -np.sign(_average(g, h[0]))


def _lion(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    m, out = np.zeros_like(g[0]), np.empty_like(g)
    for t, gradient in enumerate(g):
        out[t] = -np.sign(h[0] * m + (1.0 - h[0]) * gradient)
        m = h[1] * m + (1.0 - h[1]) * gradient
    return out


def _adam(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    return -_corrected(g, h[0]) / (np.sqrt(_corrected(g**2, h[1])) + _TINY)


def _adam_uncorrected(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    return -_ema(g, h[0]) / (np.sqrt(_ema(g**2, h[1])) + _TINY)


def _amsgrad(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    """torch's form: the largest second moment so far, corrected by the present step's factor."""
    steps = np.arange(1, len(g) + 1).reshape(-1, *[1] * (g.ndim - 1))
    largest = np.maximum.accumulate(_ema(g**2, h[1]), axis=0) / (1.0 - h[1] ** steps)
    return np.asarray(-_corrected(g, h[0]) / (np.sqrt(largest) + _TINY))


def _rmsprop(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    return -g / (np.sqrt(_ema(g**2, h[0])) + _TINY)


def _rmsprop_momentum(g: Array, p: Array, h: tuple[float, ...]) -> Array:
    return -_average(-_rmsprop(g, p, h[:1]), h[1])


def _adagrad(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    return -g / (np.sqrt(np.cumsum(g**2, axis=0)) + _TINY)


def _adamax(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    u, scales = np.zeros_like(g[0]), np.empty_like(g)
    for t, gradient in enumerate(g):
        u = np.maximum(h[1] * u, np.abs(gradient))
        scales[t] = u
    return -_corrected(g, h[0]) / (scales + _TINY)


def _nadam(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    """Adam whose first moment looks one step ahead; the decay is warmed up as Dozat's paper and torch do."""
    product, out = 1.0, np.empty_like(g)
    first, second = _ema(g, h[0]), _corrected(g**2, h[1])
    for t, gradient in enumerate(g, start=1):
        now = h[0] * (1.0 - 0.5 * 0.96 ** (0.004 * t))
        ahead = h[0] * (1.0 - 0.5 * 0.96 ** (0.004 * (t + 1)))
        product *= now
        step = (1.0 - now) * gradient / (1.0 - product) + ahead * first[t - 1] / (1.0 - product * ahead)
        out[t - 1] = -step / (np.sqrt(second[t - 1]) + _TINY)
    return out


def _radam(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    """Momentum until the second moment's variance can be rectified, then Adam with that factor."""
    limit = 2.0 / (1.0 - h[1]) - 1.0
    first, second, out = _corrected(g, h[0]), _corrected(g**2, h[1]), np.empty_like(g)
    for t in range(1, len(g) + 1):
        length = limit - 2.0 * t * h[1] ** t / (1.0 - h[1] ** t)
        out[t - 1] = -first[t - 1]
        if length > 5.0:
            top = (length - 4.0) * (length - 2.0) * limit
            factor = np.sqrt(top / ((limit - 4.0) * (limit - 2.0) * length))
            out[t - 1] *= factor / (np.sqrt(second[t - 1]) + _TINY)
    return out


def _rprop(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    """Sizes grow while the sign stays and shrink where it turns; a turned element waits one step."""
    size, before, out = np.ones_like(g[0]), np.zeros_like(g[0]), np.empty_like(g)
    for t, gradient in enumerate(g):
        turn = np.sign(gradient * before)
        size = size * np.where(turn > 0, 1.2, np.where(turn < 0, 0.5, 1.0))
        before = np.where(turn < 0, 0.0, gradient)
        out[t] = -np.sign(before) * size
    return out


def _nadam_simple(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    steps = np.arange(1, len(g) + 1).reshape(-1, *[1] * (g.ndim - 1))
    ahead = h[0] * _corrected(g, h[0]) + (1.0 - h[0]) * g / (1.0 - h[0] ** steps)
    return -ahead / (np.sqrt(_corrected(g**2, h[1])) + _TINY)


def _belief(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    return -_corrected(g, h[0]) / (np.sqrt(_corrected((g - _ema(g, h[0])) ** 2, h[1])) + _TINY)


def _yogi(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    v, out = np.zeros_like(g[0]), np.empty_like(g)
    first = _ema(g, h[0])
    for t, gradient in enumerate(g):
        v = v - (1.0 - h[1]) * np.sign(v - gradient**2) * gradient**2
        out[t] = -first[t] / (np.sqrt(np.abs(v)) + _TINY)
    return out


def _laprop(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    return -_corrected(g / (np.sqrt(_corrected(g**2, h[1])) + _TINY), h[0])


def _adopt(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    """The second moment excludes the present gradient; the first step only starts it."""
    m, v, out = np.zeros_like(g[0]), g[0] ** 2, np.zeros_like(g)
    for t, gradient in enumerate(g[1:], start=1):
        m = h[0] * m + (1.0 - h[0]) * gradient / (np.sqrt(v) + _TINY)
        out[t] = -m
        v = h[1] * v + (1.0 - h[1]) * gradient**2
    return out


def _adadelta(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    """Epsilon is the engine here and cannot be zero: torch's default 1e-6."""
    square, delta, out = np.zeros_like(g[0]), np.zeros_like(g[0]), np.empty_like(g)
    for t, gradient in enumerate(g):
        square = h[0] * square + (1.0 - h[0]) * gradient**2
        step = np.sqrt(delta + 1e-6) / np.sqrt(square + 1e-6) * gradient
        delta = h[0] * delta + (1.0 - h[0]) * step**2
        out[t] = -step
    return out


def _norm(x: Array) -> float:
    return float(np.sqrt(np.sum(x**2))) + _TINY


def _normalised(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    return np.stack([-gradient / _norm(gradient) for gradient in g])


def _normalised_momentum(g: Array, p: Array, h: tuple[float, ...]) -> Array:  # noqa: ARG001
    return np.stack([-m / _norm(m) for m in _average(g, h[0])])


_ONE = ((0.9,), (0.99,), (0.5,), (0.999,))
_TWO = ((0.9, 0.999), (0.9, 0.9), (0.5, 0.95))

RULES: tuple[Rule, ...] = (
    Rule("sgd", _sgd, degree=1),
    Rule("signsgd", _sign),
    Rule("normalized-gradient", _normalised, whole=True),
    Rule("adagrad", _adagrad),
    Rule("rprop", _rprop, jumps=True),
    Rule("momentum-sgd", _momentum, ("momentum",), _ONE, degree=1),
    Rule("nesterov", _nesterov, ("momentum",), _ONE, degree=1),
    Rule("rmsprop", _rmsprop, ("decay",), _ONE),
    Rule("signum", _signum, ("momentum",), ((0.9,), (0.5,), (0.95,), (0.99,), (0.8,), (0.7,)), jumps=True),
    Rule("normalized-gradient", _normalised_momentum, ("momentum",), _ONE, whole=True),
    Rule("adadelta", _adadelta, ("decay",), _ONE),
    Rule("adam", _adam, ("beta1", "beta2"), _TWO),
    Rule("adam", _adam_uncorrected, ("beta1", "beta2"), _TWO),
    Rule("adamax", _adamax, ("beta1", "beta2"), _TWO),
    Rule("amsgrad", _amsgrad, ("beta1", "beta2"), _TWO),
    Rule("nadam", _nadam, ("beta1", "beta2"), _TWO),
    Rule("nadam", _nadam_simple, ("beta1", "beta2"), _TWO),
    Rule("radam", _radam, ("beta1", "beta2"), _TWO[:1], degree=None),
    Rule("adabelief", _belief, ("beta1", "beta2"), _TWO),
    Rule("yogi", _yogi, ("beta1", "beta2"), _TWO),
    Rule("laprop", _laprop, ("beta1", "beta2"), _TWO),
    Rule("adopt", _adopt, ("beta1", "beta2"), _TWO),
    Rule("qhm", _qhm, ("momentum", "nu"), ((0.9, 0.7), (0.99, 0.5)), degree=1),
    Rule("rmsprop", _rmsprop_momentum, ("decay", "momentum"), _TWO),
    Rule(
        "lion",
        _lion,
        ("beta1", "beta2"),
        ((0.9, 0.99), (0.95, 0.98), (0.9, 0.999), (0.8, 0.99), (0.9, 0.95), (0.5, 0.9)),
        jumps=True,
    ),
)
"""Fewest hyper-parameters first; a later rule is used only where no earlier one fits."""
