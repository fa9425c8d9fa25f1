"""The known laws by which initialisers choose a standard deviation, as numbers.

A law is `gain * width(fan_in, fan_out) * depth(layer, depth)`.  Papers name a law *and* a gain: LeCun 1998
and He et al. 2015 share the law fan_in^-1/2 and differ by sqrt(2) alone, so a name is given only within 2 %
of a canonical gain; the same law at another gain is a variant, told as a ratio to the nearer of the two.

Sources: LeCun et al. 1998 (Efficient BackProp), Glorot & Bengio 2010, He et al. 2015 (arXiv:1502.01852),
Fixup (arXiv:1901.09321), GPT-2 (Radford et al. 2019), DS-Init (arXiv:1908.11365), small init (Nguyen &
Salazar, arXiv:1910.05895), T-Fixup (Huang et al. 2020), DeepNorm (arXiv:2203.00555), SIREN
(arXiv:2006.09661), the spectral condition (arXiv:2310.17813), muP (arXiv:2203.03466).

Not covered: laws that depend on data (LSUV) or on the activation's measured moments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["DEPTH_LAWS", "GAIN_TOLERANCE", "NAMED_LAWS", "WIDTH_LAWS", "Layer", "NamedLaw", "base_std"]

GAIN_TOLERANCE = 0.02
"""Relative distance to a canonical gain within which a law carries its name."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One weight matrix of shape (fan_out, fan_in): the `layer`-th, counted from 0, of `depth`."""

    fan_in: int
    fan_out: int
    layer: int
    depth: int


WIDTH_LAWS: dict[str, Callable[[float, float], float]] = {
    "constant": lambda i, o: 1.0,  # noqa: ARG005 - every law has the same signature
    "fan_in": lambda i, o: i**-0.5,  # noqa: ARG005
    "fan_out": lambda i, o: o**-0.5,  # noqa: ARG005
    "fan_avg": lambda i, o: (0.5 * (i + o)) ** -0.5,
    "inverse fan_in": lambda i, o: 1.0 / i,  # noqa: ARG005
    "spectral": lambda i, o: (o / i) ** 0.5 / (i**0.5 + o**0.5),
    "spectral clipped": lambda i, o: i**-0.5 * min(1.0, (o / i) ** 0.5),
}
"""Standard deviation at gain 1 as a function of (fan_in, fan_out), simplest first."""

DEPTH_LAWS: dict[str, Callable[[int, int], float]] = {
    "": lambda k, n: 1.0,  # noqa: ARG005
    "depth^-1/2": lambda k, n: n**-0.5,  # noqa: ARG005
    "depth^-1": lambda k, n: 1.0 / n,  # noqa: ARG005
    "depth^-1/4": lambda k, n: n**-0.25,  # noqa: ARG005
    "layer^-1/2": lambda k, n: (k + 1) ** -0.5,  # noqa: ARG005
    "layer^-1": lambda k, n: 1.0 / (k + 1),  # noqa: ARG005
}
"""Factor as a function of (layer counted from 0, depth)."""


@dataclass(frozen=True, slots=True)
class NamedLaw:
    """A law that the literature names, with its canonical gain (None where every gain is a setting)."""

    technique: str
    width: str
    depth: str
    gain: float | None
    mode: str = ""


_ROOT2 = math.sqrt(2.0)
NAMED_LAWS: tuple[NamedLaw, ...] = (
    NamedLaw("kaiming-init", "fan_in", "", _ROOT2, "fan_in"),
    NamedLaw("lecun-init", "fan_in", "", 1.0, "fan_in"),
    NamedLaw("kaiming-init", "fan_out", "", _ROOT2, "fan_out"),
    NamedLaw("xavier-init", "fan_avg", "", 1.0),
    NamedLaw("torch-default-linear-init", "fan_in", "", 1.0 / math.sqrt(3.0), "fan_in"),
    NamedLaw("small-init", "fan_in", "", math.sqrt(0.4), "fan_in"),
    NamedLaw("sine-activation", "fan_in", "", _ROOT2 / 30.0, "hidden layers"),
    NamedLaw("sine-activation", "inverse fan_in", "", 1.0 / math.sqrt(3.0), "first layer"),
    NamedLaw("small-normal-init", "constant", "", 0.02),
    NamedLaw("small-normal-init", "constant", "", None),
    NamedLaw("mup", "inverse fan_in", "", 1.0, "output layer"),
    NamedLaw("mup", "spectral", "", None, "spectral condition"),
    NamedLaw("mup", "spectral clipped", "", None, "spectral condition"),
    NamedLaw("residual-scaling-init", "constant", "depth^-1/2", None),
    NamedLaw("fixup-init", "fan_in", "depth^-1/2", _ROOT2, "two layers a branch"),
    NamedLaw("fixup-init", "fan_in", "depth^-1/4", _ROOT2, "three layers a branch"),
    NamedLaw("t-fixup", "fan_avg", "depth^-1/4", 0.67),
    NamedLaw("deepnorm", "fan_avg", "depth^-1/4", 8.0**-0.25),
    NamedLaw("depth-dependent-ds-init", "fan_avg", "layer^-1/2", None),
    NamedLaw("depth-dependent-ds-init", "fan_in", "layer^-1/2", None),
    NamedLaw("depth-dependent-ds-init", "constant", "layer^-1/2", None),
)


def base_std(width: str, depth: str, layer: Layer) -> float:
    """The law's standard deviation for a layer at gain 1."""
    return WIDTH_LAWS[width](layer.fan_in, layer.fan_out) * DEPTH_LAWS[depth](layer.layer, layer.depth)
