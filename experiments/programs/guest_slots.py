"""Host script of slot programs: runs inside the confined process and calls a stranger's functions.

Requests are marshal tuples from the parent. The first is ("load", source); later ones name a function:

    ("initialiser", ((fan_in, fan_out), ...), seed)  one float64 array (fan_out, fan_in) per layer
    ("schedule", (t, ...))                           one float64 array
    ("activation", bytes of float64)                 the values, then the derivatives

Answers are as `loop` says. Nothing in here is trusted by the parent: after ("load", ...) this process belongs
to the candidate.
"""

from __future__ import annotations

import sys

import numpy as np

from experiments.sandbox.guest.loop import WrongError, names_of, serve, without_compiler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..sandbox.guest.boot import Channel

STEP = 6e-6  # for central differences: about the cube root of the float64 epsilon


def floats(value: Any, shape: tuple[int, ...]) -> Any:
    """Whatever a function returned, as a float64 array of that shape."""
    detach = getattr(value, "detach", None)
    array = np.asarray(detach().cpu().numpy() if detach is not None else value)
    if array.dtype.kind not in "fiu":
        raise WrongError("wrong-dtype", f"an array of {array.dtype}, not of real numbers")
    if array.shape != shape:
        raise WrongError("wrong-shape", f"an array of shape {array.shape}, not {shape}")
    return np.asarray(array, dtype=np.float64, order="C")


class Program:
    """The functions of one program."""

    def __init__(self, source: str) -> None:
        without_compiler()
        self.names = names_of(source)
        self.pointwise: Callable[[Any], tuple[Any, Any]] | None = None

    def initialiser(self, fans: tuple[tuple[int, int], ...], seed: int) -> list[Any]:
        draw, weights = self.names["initialiser"], []
        for layer, (fan_in, fan_out) in enumerate(fans):
            shape = (fan_out, fan_in)
            rng = np.random.Generator(np.random.PCG64([seed, layer]))
            weights.append(floats(draw(shape, fan_in, fan_out, layer, len(fans), rng), shape))
        return weights

    def schedule(self, times: tuple[float, ...]) -> list[Any]:
        return [np.array([floats(self.names["schedule"](t), ()) for t in times])]

    def activation(self, data: bytes) -> list[Any]:
        x = np.frombuffer(data, np.float64).copy()
        if self.pointwise is None:
            self.pointwise = self._style(x)
        return list(self.pointwise(x))

    def _style(self, x: Any) -> Callable[[Any], tuple[Any, Any]]:
        """How this function wants its argument: a torch tensor, a NumPy array, or one number at a time."""
        styles = [self._arrays, self._numbers]
        if "torch" in sys.modules:
            styles.insert(0, self._tensors)
        failure: Exception | None = None
        for style in styles:
            try:
                style(x[:4])
            except (WrongError, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001 - a stranger's function may raise anything
                failure = failure or error
            else:
                return style
        assert failure is not None
        raise failure

    def _tensors(self, x: Any) -> tuple[Any, Any]:
        torch = sys.modules["torch"]
        tensor = torch.from_numpy(x).requires_grad_()
        y = self.names["activation"](tensor.clone())  # which it may change in place
        if not isinstance(y, torch.Tensor):
            y = torch.full_like(tensor, float(y))
        slope = torch.zeros_like(tensor)
        if y.requires_grad:
            (slope,) = torch.autograd.grad(y.sum(), tensor, allow_unused=True, materialize_grads=True)
        return floats(y, x.shape), floats(slope, x.shape)

    def _arrays(self, x: Any) -> tuple[Any, Any]:
        return self._differences(
            x, lambda z: floats(np.broadcast_to(self.names["activation"](z), z.shape), z.shape)
        )

    def _numbers(self, x: Any) -> tuple[Any, Any]:
        call = self.names["activation"]
        return self._differences(x, lambda z: np.array([floats(call(v), ()) for v in z.tolist()]))

    def _differences(self, x: Any, f: Any) -> tuple[Any, Any]:
        given = self.names.get("activation_derivative")
        if given is not None:
            slope = floats(np.broadcast_to(given(x.copy()), x.shape), x.shape)
        else:
            h = STEP * np.maximum(1.0, np.abs(x))
            slope = (f(x + h) - f(x - h)) / ((x + h) - (x - h))
        return f(x.copy()), slope


def host(channel: Channel) -> None:
    """Answer requests until the parent goes."""
    serve(channel, Program)
