"""Functions whose dialects differ too much for one table: new arrays, chance, casts, Python's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from .library import MAX_ENTRIES, lookup, shape_of
from .values import CodeError, Value, as_tensor, is_tensor

if TYPE_CHECKING:
    import torch

__all__ = ["casts", "makers", "python_functions"]

_MAX_LOOP = 20_000  # items of one range

Table = dict[str, Callable[..., Value]]


def makers() -> Table:
    """New arrays: filled, ranges, random."""
    import torch

    def filled(fill: Callable[[tuple[int, ...]], torch.Tensor]) -> Callable[..., Value]:
        def create(*args: Value, size: Value = None, shape: Value = None, **_: Value) -> Value:
            given = size if size is not None else shape
            sizes = [arg for arg in args if isinstance(arg, (int, float, list, tuple)) or is_tensor(arg)]
            return fill(shape_of(sizes if given is None else (given,)))  # a type may stand beside the shape

        return create

    def of(value: float) -> Callable[..., Value]:
        return filled(lambda shape: torch.full(shape, value, dtype=torch.float64))

    normal = filled(lambda shape: torch.randn(shape, dtype=torch.float64))
    uniform = filled(lambda shape: torch.rand(shape, dtype=torch.float64))
    return {
        "zeros": of(0.0),
        "empty": of(0.0),
        "ones": of(1.0),
        "randn": normal,
        "standard_normal": normal,
        "rand": uniform,
        "random": uniform,
        "random_sample": uniform,
        "full": _full,
        "eye": _eye,
        "identity": _eye,
        "arange": _arange,
        "linspace": _linspace,
        "normal": _normal,
        "gauss": _normal,
        "uniform": _uniform,
        "randint": _randint,
        "integers": _randint,
        "randperm": _randperm,
        "permutation": _randperm,
        "beta": _beta,
        "choice": _choice,
        "shuffle": lambda x: None,  # noqa: ARG005
        "manual_seed": lambda *_: None,
        "laplace": lambda loc=0.0, scale=1.0, size=(): _laplace(loc, scale, size),
        "binomial": lambda n=1, p=0.5, size=(): (_uniform(size=size) < p) * 1.0,  # noqa: ARG005
    }


def _full(shape: Value, value: Value, **_: Value) -> Value:
    import torch

    return torch.full(shape_of((shape,)), float(as_tensor(value)), dtype=torch.float64)


def _eye(n: Value, m: Value = None, **_: Value) -> Value:
    import torch

    rows, columns = shape_of((n, n if m is None else m))
    return torch.eye(rows, columns, dtype=torch.float64)


def _arange(*args: Value, **_: Value) -> Value:
    import torch

    numbers = [float(as_tensor(a)) for a in args if a is not None]
    low, high, step = (0.0, numbers[0], 1.0) if len(numbers) == 1 else (*numbers, 1.0)[:3]
    if step == 0.0 or abs((high - low) / step) > MAX_ENTRIES:
        raise CodeError("arange is too long")
    return torch.arange(low, high, step, dtype=torch.float64)


def _linspace(low: Value, high: Value, count: Value = 50, **kwargs: Value) -> Value:
    import torch

    (n,) = shape_of((kwargs.get("num", kwargs.get("steps", count)),))
    return torch.linspace(float(as_tensor(low)), float(as_tensor(high)), n, dtype=torch.float64)


def _normal(*args: Value, mean: Value = None, std: Value = None, **kwargs: Value) -> Value:
    """numpy's `normal(loc, scale, size)` and torch's `normal(mean, std)`."""
    import torch

    values = list(args)
    loc = mean if mean is not None else kwargs.get("loc", values.pop(0) if values else 0.0)
    scale = std if std is not None else kwargs.get("scale", values.pop(0) if values else 1.0)
    size = kwargs.get("size", kwargs.get("shape", tuple(values) if values else None))
    centre, spread = as_tensor(loc), as_tensor(scale)
    shape = (centre + spread).shape if size is None else shape_of((size,))
    return centre + spread * torch.randn(shape, dtype=torch.float64)


def _uniform(low: Value = 0.0, high: Value = 1.0, size: Value = None, **kwargs: Value) -> Value:
    import torch

    given = size if size is not None else kwargs.get("shape", ())
    draws = torch.rand(shape_of((given,)), dtype=torch.float64)
    return as_tensor(low) + (as_tensor(high) - as_tensor(low)) * draws


def _laplace(loc: Value, scale: Value, size: Value) -> Value:
    centred = _uniform(-0.5, 0.5, size)
    return as_tensor(loc) - as_tensor(scale) * centred.sign() * (1.0 - 2.0 * centred.abs()).log()


def _randint(*args: Value, **kwargs: Value) -> Value:
    import torch

    ends = [int(as_tensor(a)) for a in args if isinstance(a, (int, float))][:2] or [2]
    low, high = (0, ends[0]) if len(ends) == 1 else (ends[0], ends[1])
    size = kwargs.get("size", next((a for a in args if isinstance(a, (list, tuple))), ()))
    draws = torch.randint(low, max(high, low + 1), shape_of((size,)))
    return draws if draws.dim() else int(draws)


def _randperm(n: Value, **_: Value) -> Value:
    import torch

    count = len(n) if is_tensor(n) and n.dim() else n
    return torch.randperm(shape_of((count,))[0])


def _beta(a: Value, b: Value, size: Value = ()) -> Value:
    import torch

    draws = torch.distributions.Beta(as_tensor(a), as_tensor(b)).sample(shape_of((size,)))
    return draws if draws.dim() else float(draws)


def _choice(values: Value, size: Value = None, **_: Value) -> Value:
    import torch

    pool = _arange(values) if isinstance(values, int) else as_tensor(values)
    if pool.dim() == 0 or len(pool) == 0:
        raise CodeError("choice from nothing")
    index = torch.randint(0, len(pool), shape_of((() if size is None else size,)))
    return pool[index]


# --- casts ----------------------------------------------------------------------------------------------

_SAME = """
    float double half bfloat16 to type type_as cpu cuda detach contiguous requires_grad_ array asarray
    tensor as_tensor from_numpy Parameter Variable numpy astype float32 float64 detach_ stop_gradient
    Tensor FloatTensor
"""


def casts() -> Table:
    """Placement and precision do not matter here: a cast keeps the value, one to a whole type truncates."""

    def same(x: Value, *_: Value, **__: Value) -> Value:
        return as_tensor(x) * 1.0 if as_tensor(x).is_floating_point() is False else as_tensor(x)

    def whole(x: Value, *_: Value, **__: Value) -> Value:
        return as_tensor(x).trunc().long() if as_tensor(x).is_floating_point() else as_tensor(x).long()

    def size(x: Value, dim: Value = None) -> Value:
        return tuple(as_tensor(x).shape) if dim is None else as_tensor(x).shape[int(dim)]

    table: Table = dict.fromkeys(_SAME.split(), same)
    table |= dict.fromkeys(("long", "int64", "int32", "LongTensor"), whole)
    return table | {
        "clone": lambda x, **_: as_tensor(x).clone(),
        "copy": lambda x: x.clone() if is_tensor(x) else list(x) if isinstance(x, list) else dict(x),
        "deepcopy": lambda x: x.clone() if is_tensor(x) else x,
        "bool": lambda x: as_tensor(x) != 0 if is_tensor(x) else bool(x),
        "item": lambda x: as_tensor(x).item(),
        "tolist": lambda x: as_tensor(x).tolist(),
        "size": size,
        "numel": lambda x: as_tensor(x).numel(),
        "nelement": lambda x: as_tensor(x).numel(),
        "dim": lambda x: as_tensor(x).dim(),
        "one_hot": _one_hot,
        "new_zeros": lambda x, *s, **_: as_tensor(x).new_zeros(shape_of(s)),
        "new_ones": lambda x, *s, **_: as_tensor(x).new_ones(shape_of(s)),
        "ptp": lambda x, **_: as_tensor(x).max() - as_tensor(x).min(),
        "average": _average,
        "percentile": _percentile,
        "partition": lambda x, *_, **__: as_tensor(x).sort(-1).values,
        "argpartition": lambda x, *_, **__: as_tensor(x).argsort(-1),
        "max": _extreme("maximum", "amax", "argmax"),
        "min": _extreme("minimum", "amin", "argmin"),
    }


def _percentile(x: Value, q: Value, **words: Value) -> Value:
    quantile = lookup("quantile")
    return quantile(x, as_tensor(q) / 100.0, **words) if quantile else x


def _average(x: Value, weights: Value = None, axis: Value = None, **_: Value) -> Value:
    values = as_tensor(x).double()
    parts = values if weights is None else values * as_tensor(weights) / as_tensor(weights).mean()
    return parts.mean() if axis is None else parts.mean(int(axis))


def _one_hot(labels: Value, num_classes: Value = -1, **_: Value) -> Value:
    from torch.nn import functional

    if int(num_classes) > 4_096:
        raise CodeError("one_hot with too many classes")
    return functional.one_hot(as_tensor(labels).long(), int(num_classes)).double()


def _extreme(pairwise: str, reduce: str, position: str) -> Callable[..., Value]:
    """max and min as in Python, numpy and torch: of one array, along an axis, of several values, of pairs."""

    def extreme(*args: Value, **kwargs: Value) -> Value:
        dim = kwargs.get("dim", kwargs.get("axis"))
        keep = bool(kwargs.get("keepdim", kwargs.get("keepdims", False)))
        values = list(args[0]) if len(args) == 1 and isinstance(args[0], (list, tuple)) else list(args)
        if len(values) in {2, 3} and is_tensor(values[0]) and values[0].dim() and type(values[1]) is int:
            dim, keep, values = values[1], len(values) == 3 or keep, values[:1]
        if len(values) == 1 and is_tensor(values[0]):
            found = _reduced(values[0], (reduce, position), dim, keep=keep)
            numpy_spelling = bool(kwargs.keys() & {"axis", "keepdims"})
            return found[0] if numpy_spelling and isinstance(found, tuple) else found
        return _of_pairs(pairwise, values)

    return extreme


def _of_pairs(pairwise: str, values: list[Value]) -> Value:
    import torch

    if not values:
        raise CodeError("the largest of nothing")
    result = as_tensor(values[0])
    for other in values[1:]:
        result = getattr(torch, pairwise)(result, as_tensor(other).to(result.dtype))
    whole = all(isinstance(value, int) for value in values)
    if any(is_tensor(value) for value in values):
        return result
    return int(result.item()) if whole else result.item()


def _reduced(tensor: torch.Tensor, names: tuple[str, str], dim: Value, *, keep: bool) -> Value:
    if dim is None:
        return getattr(tensor, names[0])()
    values = getattr(tensor, names[0])(dim=dim, keepdim=keep)
    if not isinstance(dim, int):
        return values
    # Unpacked it is torch's pair; used as an array (numpy's meaning) the machine takes the first part.
    return (values, getattr(tensor, names[1])(dim, keepdim=keep))


# --- Python's own ---------------------------------------------------------------------------------------


def python_functions() -> Table:
    """Python's functions on plain values, under the names by which the machine finds them."""
    return {
        "range": _range,
        "len": len,
        "enumerate": lambda x, start=0: list(enumerate(x, start)),
        "zip": lambda *xs, **_: list(zip(*xs, strict=False)),
        "reversed": lambda x: list(reversed(list(x))),
        "sorted": lambda x, key=None, reverse=False: sorted(x, key=key, reverse=bool(reverse)),
        "list": lambda x=(): list(x),
        "tuple": lambda x=(): tuple(x),
        "dict": lambda **fields: dict(fields),
        "set": lambda x=(): list(dict.fromkeys(x)),
        "isqrt": math.isqrt,
        "str": lambda x="": str(x)[:1000] if isinstance(x, (str, int, float)) else "",
        "print": lambda *_, **__: None,
        "factorial": _factorial,
        "prod": _prod,
        "comb": lambda n, k: math.comb(min(int(n), 200), min(int(k), 200)),
        "python_sum": _sum,
        "calculate_gain": _gain,
        "defaultdict": lambda *_: {},
        "deque": lambda x=(), **_: list(x),
        "int": lambda x=0: int(as_tensor(x)) if not isinstance(x, str) else int(x[:20]),
        "python_float": lambda x=0.0: float(as_tensor(x)) if not isinstance(x, str) else float(x[:20]),
        "next": lambda x, *_: x[0],
        "iter": lambda x: x,
        "hasattr": lambda *_: False,
        "callable": lambda *_: True,
        "divmod": lambda a, b: (a // b, a % b),
    }


def _range(*args: Value) -> Value:
    span = range(*(int(as_tensor(a)) for a in args))
    if len(span) > _MAX_LOOP:
        raise CodeError(f"a loop over more than {_MAX_LOOP} items")
    return span


def _sum(values: Value, start: Value = 0) -> Value:
    if is_tensor(values):
        return values.sum()
    total = start
    for item in values:
        total = total + item
    return total


def _prod(values: Value, dim: Value = None, **kwargs: Value) -> Value:
    axis = kwargs.get("axis", dim)
    if axis is not None:
        return as_tensor(values).prod(int(axis), keepdim=bool(kwargs.get("keepdim", False)))
    if isinstance(values, (list, tuple)):
        return math.prod(values)
    return as_tensor(values).prod()


def _factorial(n: Value) -> Value:
    number = int(as_tensor(n))
    if not 0 <= number <= 170:
        raise CodeError("factorial beyond 170")
    return math.factorial(number)


def _gain(name: Value, parameter: Value = None) -> Value:
    from torch.nn import init

    return init.calculate_gain(str(name), parameter)  # type: ignore[arg-type]
