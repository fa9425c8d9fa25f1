"""Attributes of interpreted objects, and the library classes that interpreted code may make or extend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from .library import lookup, plain, tensor_attribute
from .names import LAYERS, MODULES
from .values import ClassValue, CodeError, Function, Instance, Module, Record, Value, as_tensor, is_tensor

__all__ = [
    "BetaLaw",
    "StateOfTensors",
    "attribute",
    "child_tensors",
    "make_layer",
    "set_attribute",
    "start_library_base",
]

_MAX_WIDTH = 4_096  # of a layer that interpreted code makes
_NUMBERS = {"pi": 3.141592653589793, "e": 2.718281828459045, "inf": float("inf"), "nan": float("nan")}
_TYPES = frozenset(
    {"float32", "float64", "float16", "bfloat16", "long", "int64", "int32", "int8", "uint8", "bool"}
)
_LAYER_FIELDS = frozenset(
    {
        "weight",
        "bias",
        "in_features",
        "out_features",
        "eps",
        "normalized_shape",
        "num_features",
        "kernel_size",
    }
)


class BetaLaw:
    """`torch.distributions.Beta(a, b)`: only its samples can be asked for."""

    def __init__(self, a: Value, b: Value) -> None:
        self._ends = (a, b)

    def sample(self, shape: Value = ()) -> Value:
        draw = lookup("beta")
        return draw(*self._ends, shape) if draw else 0.5


class StateOfTensors(dict[int, dict[Value, Value]]):
    """`self.state[p]` of an optimizer: a fresh dictionary for every array, by identity."""

    def of(self, tensor: Value) -> dict[Value, Value]:
        return self.setdefault(id(tensor), {})


def attribute(value: Value, name: str) -> Value:  # noqa: PLR0911 - one return for each kind of value
    """`value.name`, by closed lists; dunder names do not exist."""
    if name.startswith("__") and name != "__name__":
        raise CodeError(f"no attribute {name!r}")
    if is_tensor(value):
        return tensor_attribute(value, name)
    match value:
        case Module():
            return _of_module(value, name)
        case Instance():
            return _of_instance(value, name)
        case ClassValue():
            return _of_class(value, name)
        case Record():
            if name not in value.fields:
                value.fields[name] = value.fresh(name)
            return value.fields[name]
        case list() | dict() | str() | tuple() | int() | float():
            return _of_plain(value, name)
    return _of_layer(value, name)


def set_attribute(target: Value, name: str, value: Value) -> None:
    """`target.name = value`."""
    if isinstance(target, (Instance, Record)):
        target.fields[name] = value
    elif isinstance(target, ClassValue):
        target.members[name] = value
    elif is_tensor(target) and name == "grad":
        target.foreign_grad = value
    elif is_tensor(target) and name == "data" and as_tensor(value).shape == target.shape:
        target.copy_(as_tensor(value))
    elif name in _LAYER_FIELDS and is_tensor(getattr(target, name, None)):
        set_attribute(getattr(target, name), "data", value)
    else:
        raise CodeError(f"cannot set {name!r} here")


def make_layer(name: str, args: Sequence[Value], kwargs: dict[str, Value]) -> Value:
    """An instance of a permitted torch.nn layer, small and in double precision, without gradients."""
    from torch import nn

    widths = [a for a in (*args, *kwargs.values()) if isinstance(a, int) and not isinstance(a, bool)]
    if any(abs(width) > _MAX_WIDTH for width in widths):
        raise CodeError(f"a layer wider than {_MAX_WIDTH}")
    named = {k: v for k, v in kwargs.items() if k not in {"dtype", "device", "inplace"}}
    try:
        layer = getattr(nn, name)(*args, **named).double().requires_grad_(False)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CodeError(f"{name}: {str(error)[:100]}") from None
    return layer.eval() if name == "Dropout" else layer


def start_library_base(instance: Instance, args: Sequence[Value], kwargs: dict[str, Value]) -> None:
    """`super().__init__(...)` where the base is nn.Module (nothing to do) or Optimizer (parameter groups)."""
    if not instance.cls.is_a("Optimizer"):
        return
    params = args[0] if args else kwargs.get("params", [])
    defaults = args[1] if len(args) > 1 else kwargs.get("defaults", {})
    instance.fields["defaults"] = defaults
    instance.fields["param_groups"] = [{"params": list(params), **defaults}]


def child_tensors(value: Value) -> list[Value]:
    """The arrays that an object holds, as `parameters()` would list them."""
    if is_tensor(value):
        return [value]
    if isinstance(value, Instance):
        return [t for child in value.fields.values() for t in child_tensors(child)]
    if isinstance(value, (list, tuple)):
        return [t for child in value for t in child_tensors(child)]
    if isinstance(value, dict):
        return [t for child in value.values() for t in child_tensors(child)]
    own = getattr(value, "parameters", None)
    return [p.data for p in own()] if own is not None and _is_layer(value) else []


def _of_module(module: Module, name: str) -> Value:
    if name in _NUMBERS:
        return _NUMBERS[name]
    if name in {"newaxis"}:
        return None
    if name in _TYPES and "random" not in module.path:
        return lookup(name) or name
    if name in MODULES - {"copy"} and not module.path.endswith(name):
        return Module(f"{module.path}.{name}")
    function = lookup(name)
    if name in LAYERS or function is None:
        return Module(f"{module.path}.{name}")  # a class, or unknown: fails when it is called
    return function


def _of_instance(instance: Instance, name: str) -> Value:
    if name in instance.fields:
        return instance.fields[name]
    member = instance.cls.find(name)
    if member is None:
        return _inherited(instance, name)
    if isinstance(member, Function):
        return _bound(member, instance)
    return member


def _bound(member: Function, instance: Instance) -> Value:
    if member.kind == "staticmethod":
        return member
    owner: Value = instance.cls if member.kind == "classmethod" else instance
    return replace(member, owner=owner)


def _inherited(instance: Instance, name: str) -> Value:
    """What nn.Module and Optimizer give their descendants."""
    fields = instance.fields
    simple: dict[str, Callable[..., Value]] = {
        "register_buffer": lambda key, value=None, **_: fields.__setitem__(key, value),
        "register_parameter": lambda key, value=None: fields.__setitem__(key, value),
        "add_module": fields.__setitem__,
        "parameters": lambda *_, **__: child_tensors(instance),
        "named_parameters": lambda *_, **__: [(f"p{i}", t) for i, t in enumerate(child_tensors(instance))],
        "modules": lambda: [instance, *fields.values()],
        "children": lambda: list(fields.values()),
        "zero_grad": lambda *_, **__: None,
        "save_for_backward": lambda *saved: fields.__setitem__("saved_tensors", saved),
        "train": lambda *_: instance,
        "eval": lambda: instance,
        "extra_repr": lambda: "",
    }
    if name == "training":
        return True
    if name in simple:
        return simple[name]
    raise CodeError(f"{instance.cls.name} has no attribute {name!r}")


def _of_class(cls: ClassValue, name: str) -> Value:
    if name == "apply" and cls.is_a("Function"):
        forward = cls.find("forward")
        if isinstance(forward, Function):
            return replace(forward, owner=Instance(ClassValue("Context", ("Module",), {})))
    member = cls.find(name)
    if member is None:
        raise CodeError(f"{cls.name} has no member {name!r}")
    return (
        replace(member, owner=cls)
        if isinstance(member, Function) and member.kind == "classmethod"
        else member
    )


def _of_plain(value: Value, name: str) -> Value:
    permitted = {
        "list": {"append", "extend", "pop", "insert", "index", "count", "reverse", "copy", "appendleft"},
        "dict": {"get", "items", "keys", "values", "setdefault", "update", "pop", "copy"},
        "str": {"startswith", "endswith", "lower", "upper", "split", "strip"},
        "tuple": {"index", "count", "numel"},
        "int": {"bit_length", "real"},
        "float": {"is_integer", "real"},
    }
    kinds = (type(value), *type(value).__mro__)
    kind = next((k.__name__ for k in kinds if k.__name__ in permitted), "")
    if isinstance(value, (int, float)) and name in {
        "item",
        "float",
        "double",
        "detach",
        "sqrt",
        "exp",
        "abs",
        "pow",
    }:
        return tensor_attribute(as_tensor(value), name)
    if isinstance(value, tuple) and len(value) == 2 and name in {"values", "indices"}:
        return value[0 if name == "values" else 1]  # torch's x.max(dim), x.sort(), x.topk(k)
    if name not in permitted.get(kind, ()):
        raise CodeError(f"a {kind or type(value).__name__} has no permitted attribute {name!r}")
    if name == "numel":
        return lambda: as_tensor(list(value)).prod().item()
    found = getattr(value, name)
    return found if not (kind == "dict" and name in {"items", "keys", "values"}) else lambda: list(found())


def _is_layer(value: Value) -> bool:
    return type(value).__module__.startswith("torch.nn.modules.")


def _of_layer(value: Value, name: str) -> Value:
    if isinstance(value, BetaLaw) and name in {"sample", "rsample"}:
        return value.sample
    if isinstance(value, StateOfTensors):
        raise CodeError("the state of an optimizer is read by array")
    if not _is_layer(value):
        raise CodeError(f"no attribute {name!r} here")
    if name in _LAYER_FIELDS and hasattr(value, name):
        found = getattr(value, name)
        return found.data if is_tensor(found) else found
    listing: dict[str, Callable[[], Value]] = {
        "parameters": lambda: [p.data for p in value.parameters()],
        "named_parameters": lambda: [(key, p.data) for key, p in value.named_parameters()],
        "modules": lambda: list(value.modules()),
        "named_modules": lambda: list(value.named_modules()),
        "children": lambda: list(value.children()),
    }
    if name in listing:
        return listing[name]
    if name == "forward":
        return lambda x: plain(value(as_tensor(x)))
    raise CodeError(f"layers have no permitted attribute {name!r}")
