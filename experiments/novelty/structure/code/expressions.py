"""Expressions of interpreted code: names, attributes, operators, containers, comprehensions, assignment.

`Expressions` is the lower half of the machine; calls and statements are in `machine.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from .library import lookup
from .names import MODULES, NUMBERS
from .objects import StateOfTensors, attribute, set_attribute, start_library_base
from .operators import binary, compare, index, truth, unary
from .values import CodeError, Function, Instance, Module, Scope, Super, Value, as_tensor, is_tensor

__all__ = ["ERRORS", "Expressions"]

ERRORS = (TypeError, ValueError, LookupError, RuntimeError, ArithmeticError, AttributeError)
"""What wrong code makes Python and torch raise; it becomes a CodeError."""

_BUILTIN_NAMES = {"sum": "python_sum", "float": "python_float"}


class Expressions:
    """Evaluates expressions within a budget of steps."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def call(
        self, function: Value, args: Sequence[Value] = (), kwargs: Mapping[str, Value] | None = None
    ) -> Value:
        """Call anything callable of interpreted code."""
        raise CodeError(f"no calls here: {function}, {args}, {kwargs}")

    def left(self) -> int:
        """Steps of work that are left."""
        return self._left

    def value(self, node: ast.expr, scope: Scope) -> Value:
        """The value of one expression; every failure is a CodeError."""
        try:
            return self._value(node, scope)
        except ERRORS as error:
            raise CodeError(f"{type(error).__name__}: {str(error)[:120]}") from None

    def _call_property(self, function: Function) -> Value:
        return self.call(function)

    def _super(self, scope: Scope) -> Super:
        """`super()`: reads of the bases' members, and a start that accepts anything."""
        holder = scope.find("self")
        instance = holder.names["self"] if holder else None
        if not isinstance(instance, Instance):
            raise CodeError("super() outside a method")
        return Super(instance)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise CodeError("the code takes too many steps")

    def _value(self, node: ast.expr, scope: Scope) -> Value:
        self._count()
        handler = _EXPRESSIONS.get(type(node))
        if handler is None:
            raise CodeError(f"{type(node).__name__} is not permitted")
        return getattr(self, handler)(node, scope)

    def _name(self, node: ast.Name, scope: Scope) -> Value:
        holder = scope.find(node.id)
        if holder is not None:
            return holder.names[node.id]
        if node.id in MODULES:
            return Module(node.id)
        if node.id in NUMBERS:
            return NUMBERS[node.id]
        function = lookup(_BUILTIN_NAMES.get(node.id, node.id))
        if function is None:
            raise CodeError(f"the name {node.id!r} is unknown")
        return function

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        owner = self._value(node.value, scope)
        if isinstance(owner, Super):
            return self._of_super(owner, node.attr)
        found = attribute(owner, node.attr)
        if isinstance(found, Function) and found.kind == "property":
            return self._call_property(found)
        return found

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        owner, key = self._value(node.value, scope), self._value(node.slice, scope)
        if is_tensor(owner):
            return owner[index(key)]
        if isinstance(owner, StateOfTensors):
            return owner.of(key)
        if isinstance(owner, dict):
            return owner[id(key) if is_tensor(key) else key]
        if isinstance(owner, (list, tuple, str, range)):
            return owner[index(key) if not is_tensor(key) else int(key)]
        raise CodeError("a subscript of something that is no container")

    def _slice(self, node: ast.Slice, scope: Scope) -> Value:
        return slice(
            *(None if p is None else self._value(p, scope) for p in (node.lower, node.upper, node.step))
        )

    def _call_node(self, node: ast.Call, scope: Scope) -> Value:
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            return self._super(scope)
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            return self._isinstance(node.args, scope)
        function = self._value(node.func, scope)
        args: list[Value] = []
        for arg in node.args:
            if isinstance(arg, ast.Starred):
                args += self._items(self._value(arg.value, scope))
            else:
                args.append(self._value(arg, scope))
        kwargs: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self._value(keyword.value, scope)
            kwargs |= value if keyword.arg is None else {keyword.arg: value}
        return self.call(function, args, kwargs)

    def _isinstance(self, args: Sequence[ast.expr], scope: Scope) -> bool:
        value = self._value(args[0], scope)
        named = args[1].elts if isinstance(args[1], ast.Tuple) else [args[1]]
        names = {n.attr if isinstance(n, ast.Attribute) else getattr(n, "id", "") for n in named}
        if isinstance(value, Instance):
            return value.cls.name in names or any(value.cls.is_a(name) for name in names)
        if is_tensor(value):
            return bool(names & {"Tensor", "Parameter", "ndarray"})
        return type(value).__name__ in names

    def _compare(self, node: ast.Compare, scope: Scope) -> Value:
        left = self._value(node.left, scope)
        result: Value = True
        for operation, right_node in zip(node.ops, node.comparators, strict=True):
            right = self._value(right_node, scope)
            result = compare(operation, left, right)
            if len(node.ops) > 1 and not truth(result):
                return False
            left = right
        return result

    def _bool(self, node: ast.BoolOp, scope: Scope) -> Value:
        value: Value = None
        for part in node.values:
            value = self._value(part, scope)
            if truth(value) != isinstance(node.op, ast.And):
                return value
        return value

    def _conditional(self, node: ast.IfExp, scope: Scope) -> Value:
        return self._value(node.body if truth(self._value(node.test, scope)) else node.orelse, scope)

    def _sequence(self, node: ast.List | ast.Tuple | ast.Set, scope: Scope) -> Value:
        items: list[Value] = []
        for part in node.elts:
            if isinstance(part, ast.Starred):
                items += self._items(self._value(part.value, scope))
            else:
                items.append(self._value(part, scope))
        return tuple(items) if isinstance(node, ast.Tuple) else items

    def _dict(self, node: ast.Dict, scope: Scope) -> Value:
        result: dict[Value, Value] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                result |= self._value(value, scope)
            else:
                result[self._value(key, scope)] = self._value(value, scope)
        return result

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, scope: Scope) -> Value:
        result: list[Value] = []
        self._generate(
            node.generators, Scope({}, scope), lambda inner: result.append(self._value(node.elt, inner))
        )
        return result

    def _dict_comprehension(self, node: ast.DictComp, scope: Scope) -> Value:
        result: dict[Value, Value] = {}

        def add(inner: Scope) -> None:
            result[self._value(node.key, inner)] = self._value(node.value, inner)

        self._generate(node.generators, Scope({}, scope), add)
        return result

    def _generate(
        self, generators: Sequence[ast.comprehension], scope: Scope, emit: Callable[[Scope], None]
    ) -> None:
        first, rest = generators[0], generators[1:]
        for item in self._items(self._value(first.iter, scope)):
            self._assign(first.target, item, scope)
            if all(truth(self._value(test, scope)) for test in first.ifs):
                if rest:
                    self._generate(rest, scope, emit)
                else:
                    emit(scope)

    def _walrus(self, node: ast.NamedExpr, scope: Scope) -> Value:
        value = self._value(node.value, scope)
        self._assign(node.target, value, scope)
        return value

    def _assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        match target:
            case ast.Name(id=name):
                scope.names[name] = value
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                self._unpack(targets, value, scope)
            case ast.Attribute(value=owner, attr=name):
                set_attribute(self._value(owner, scope), name, value)
            case ast.Subscript(value=owner, slice=key):
                self._set_item(self._value(owner, scope), self._value(key, scope), value)
            case _:
                raise CodeError("an assignment to something unusual")

    def _unpack(self, targets: Sequence[ast.expr], value: Value, scope: Scope) -> None:
        items = list(value)
        starred = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
        if starred is not None:
            tail = len(targets) - starred - 1
            middle = items[starred : len(items) - tail]
            items = [*items[:starred], middle, *items[len(items) - tail :]]
        if len(items) != len(targets):
            raise CodeError(f"{len(items)} values for {len(targets)} names")
        for target, item in zip(targets, items, strict=True):
            self._assign(target.value if isinstance(target, ast.Starred) else target, item, scope)

    def _set_item(self, owner: Value, key: Value, value: Value) -> None:
        if is_tensor(owner):
            owner[index(key)] = as_tensor(value).to(owner.dtype)
        elif isinstance(owner, (list, dict)) and not isinstance(owner, StateOfTensors):
            owner[id(key) if is_tensor(key) else key] = value
        else:
            raise CodeError("an assignment into something unusual")

    def _items(self, value: Value) -> list[Value]:
        if isinstance(value, (list, tuple, range, str, dict)):
            return list(value)
        if is_tensor(value) and value.dim():
            return list(value)
        raise CodeError("a loop over something that is no sequence")

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> Value:
        return unary(node.op, self._value(node.operand, scope))

    def _binary(self, node: ast.BinOp, scope: Scope) -> Value:
        return binary(node.op, self._value(node.left, scope), self._value(node.right, scope))

    def _constant(self, node: ast.Constant, _scope: Scope) -> Value:
        if isinstance(node.value, (bytes, complex)):
            raise CodeError("bytes and complex numbers are not permitted")
        return node.value

    def _text(self, _node: ast.JoinedStr, _scope: Scope) -> Value:
        return ""

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Value:
        return self._function("lambda", node.args, node.body, scope)

    def _function(
        self, name: str, arguments: ast.arguments, body: list[ast.stmt] | ast.expr, scope: Scope
    ) -> Function:
        names = [arg.arg for arg in (*arguments.posonlyargs, *arguments.args)]
        tail = names[len(names) - len(arguments.defaults) :]
        defaults = {n: self._value(d, scope) for n, d in zip(tail, arguments.defaults, strict=True)}
        for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if default is not None:
                defaults[arg.arg] = self._value(default, scope)
        return Function(name, arguments, body, scope, defaults)

    def _of_super(self, owner: Super, name: str) -> Value:
        """A member of a base; the start of a library base takes anything, an optimizer's fills its groups."""
        for base in owner.instance.cls.bases:
            member = base.find(name) if not isinstance(base, str) else None
            if isinstance(member, Function):
                return replace(member, owner=owner.instance)
        if name == "__init__":
            return lambda *args, **kwargs: start_library_base(owner.instance, args, kwargs)
        raise CodeError(f"super() has no {name!r} here")


_EXPRESSIONS: Mapping[type[ast.expr], str] = {
    ast.Attribute: "_attribute",
    ast.BinOp: "_binary",
    ast.BoolOp: "_bool",
    ast.Call: "_call_node",
    ast.Compare: "_compare",
    ast.Constant: "_constant",
    ast.Dict: "_dict",
    ast.DictComp: "_dict_comprehension",
    ast.GeneratorExp: "_comprehension",
    ast.IfExp: "_conditional",
    ast.JoinedStr: "_text",
    ast.Lambda: "_lambda",
    ast.List: "_sequence",
    ast.ListComp: "_comprehension",
    ast.Name: "_name",
    ast.NamedExpr: "_walrus",
    ast.Set: "_sequence",
    ast.SetComp: "_comprehension",
    ast.Slice: "_slice",
    ast.Subscript: "_subscript",
    ast.Tuple: "_sequence",
    ast.UnaryOp: "_unary",
}
