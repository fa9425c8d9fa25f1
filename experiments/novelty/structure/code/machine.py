"""The interpreter: walks a syntax tree and does what it says, within a number of steps.

It knows functions with defaults, closures, classes (of nn.Module and Optimizer too), loops, comprehensions
and the operators; everything callable comes from `library` or from the code itself.  What it does not know
ends the run with `CodeError`.  Exceptions, imports and `with` are read as far as snippets need them: an
import binds a name, a `with` and a `try` run their bodies.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from .expressions import ERRORS, Expressions
from .library import lookup
from .names import LAYERS, MODULES
from .objects import BetaLaw, StateOfTensors, make_layer
from .operators import in_place, truth
from .values import ClassValue, CodeError, Function, Instance, Module, Scope, Value, as_tensor, is_tensor

__all__ = ["Machine"]

_STEPS = 400_000  # nodes visited in one run
_NESTING = 60  # calls inside calls


class _Return(Exception):  # noqa: N818 - control flow, not an error
    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


class _Break(Exception):  # noqa: N818
    pass


class _Continue(Exception):  # noqa: N818
    pass


class Machine(Expressions):
    """Runs statements and calls functions of foreign code; one machine has one budget of steps."""

    def __init__(self, steps: int = _STEPS) -> None:
        super().__init__(steps)
        self._nesting = 0

    def load(self, statements: Iterable[ast.stmt], scope: Scope) -> list[str]:
        """Run top-level statements; one that fails is skipped and named, so the rest can be looked at."""
        problems = []
        for statement in statements:
            try:
                self._run(statement, scope)
            except CodeError as error:
                problems.append(str(error))
            except (_Return, _Break, _Continue):
                continue
        return problems

    def run(self, statements: Iterable[ast.stmt], scope: Scope) -> Value:
        """Run statements as the body of a function; the value of its `return`, or None."""
        try:
            for statement in statements:
                self._run(statement, scope)
        except _Return as done:
            return done.value
        except (_Break, _Continue):
            raise CodeError("a loop is left outside of any loop") from None
        return None

    def call(
        self, function: Value, args: Sequence[Value] = (), kwargs: Mapping[str, Value] | None = None
    ) -> Value:
        """Call anything callable of interpreted code; every failure is a CodeError."""
        self._nesting += 1
        try:
            if self._nesting > _NESTING:
                raise CodeError("calls are nested too deep")
            return self._call(function, list(args), dict(kwargs or {}))
        except ERRORS as error:
            raise CodeError(f"{type(error).__name__}: {str(error)[:120]}") from None
        finally:
            self._nesting -= 1

    # --- calling ----------------------------------------------------------------------------------------

    def _call(self, function: Value, args: list[Value], kwargs: dict[str, Value]) -> Value:
        match function:
            case Function():
                return self._call_function(function, args, kwargs)
            case ClassValue():
                return self._instantiate(function, args, kwargs)
            case Instance():
                return self._call_instance(function, args, kwargs)
            case Module():
                return self._call_library_class(function, args, kwargs)
        if function is None or isinstance(function, (int, float, str, list, dict, tuple)):
            raise CodeError("a call of something that is no function")
        if hasattr(function, "forward") and not is_tensor(function):
            return function(*(as_tensor(a) if not is_tensor(a) else a for a in args)).detach()
        own = {key: self._as_python(value) for key, value in kwargs.items()}
        return function(*(self._as_python(value) for value in args), **own)

    def _as_python(self, value: Value) -> Value:
        """A function of the code as one that a library function can call (`sorted(x, key=f)`)."""
        if not isinstance(value, Function):
            return value
        return lambda *args: self.call(value, args)

    def _call_function(self, function: Function, args: list[Value], kwargs: dict[str, Value]) -> Value:
        if function.owner is not None:
            args = [function.owner, *args]
        scope = Scope(self._bind(function, args, kwargs), function.scope)
        if isinstance(function.body, ast.expr):
            return self._value(function.body, scope)
        return self.run(function.body, scope)

    def _bind(self, function: Function, args: list[Value], kwargs: dict[str, Value]) -> dict[str, Value]:
        spec = function.arguments
        names = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
        only = [arg.arg for arg in spec.kwonlyargs]
        bound = dict(function.defaults) | dict(zip(names, args, strict=False))
        if len(args) > len(names) and spec.vararg is None:
            raise CodeError(f"{function.name} takes {len(names)} arguments, got {len(args)}")
        if spec.vararg is not None:
            bound[spec.vararg.arg] = tuple(args[len(names) :])
        known = {key: value for key, value in kwargs.items() if key in names or key in only}
        rest = {key: value for key, value in kwargs.items() if key not in known}
        if spec.kwarg is not None:
            bound[spec.kwarg.arg] = rest
        elif rest:
            raise CodeError(f"{function.name} has no argument {next(iter(rest))!r}")
        bound |= known
        missing = [name for name in (*names, *only) if name not in bound]
        if missing:
            raise CodeError(f"{function.name} needs {missing[0]!r}")
        return bound

    def _instantiate(self, cls: ClassValue, args: list[Value], kwargs: dict[str, Value]) -> Instance:
        instance = Instance(cls)
        if cls.is_a("Optimizer"):
            instance.fields["state"] = StateOfTensors()
            instance.fields["defaults"] = {}
        start = cls.find("__init__")
        if isinstance(start, Function):
            self._call_function(start, [instance, *args], kwargs)
        return instance

    def _call_instance(self, instance: Instance, args: list[Value], kwargs: dict[str, Value]) -> Value:
        for name in ("__call__", "forward"):
            method = instance.cls.find(name)
            if isinstance(method, Function):
                return self._call_function(method, [instance, *args], kwargs)
        raise CodeError(f"{instance.cls.name} cannot be called")

    def _call_library_class(self, module: Module, args: list[Value], kwargs: dict[str, Value]) -> Value:
        name = module.path.rpartition(".")[2]
        if name in LAYERS:
            return make_layer(name, args, kwargs)
        if name in {"Sequential", "ModuleList", "ParameterList"}:
            items = list(args[0]) if len(args) == 1 and isinstance(args[0], (list, tuple)) else args
            return self._chain(items) if name == "Sequential" else items
        if name in {"ModuleDict", "ParameterDict"}:
            return dict(args[0]) if args else {}
        if name == "Beta" and len(args) == 2:
            return BetaLaw(*args)
        raise CodeError(f"{module.path} is not permitted")

    def _chain(self, items: list[Value]) -> Callable[[Value], Value]:
        def forward(x: Value) -> Value:
            for item in items:
                x = self.call(item, (x,))
            return x

        return forward

    # --- statements -------------------------------------------------------------------------------------

    def _run(self, node: ast.stmt, scope: Scope) -> None:
        self._count()
        handler = _STATEMENTS.get(type(node))
        if handler is None:
            raise CodeError(f"{type(node).__name__} is not permitted")
        try:
            getattr(self, handler)(node, scope)
        except ERRORS as error:
            raise CodeError(f"{type(error).__name__}: {str(error)[:120]}") from None

    def _body(self, statements: Iterable[ast.stmt], scope: Scope) -> None:
        for statement in statements:
            self._run(statement, scope)

    def _run_assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self._value(node.value, scope)
        for target in node.targets:
            self._assign(target, value, scope)

    def _run_annotated(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self._assign(node.target, self._value(node.value, scope), scope)

    def _run_augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        current = self._value(node.target, scope)
        self._assign(node.target, in_place(node.op, current, self._value(node.value, scope)), scope)

    def _run_if(self, node: ast.If, scope: Scope) -> None:
        self._body(node.body if truth(self._value(node.test, scope)) else node.orelse, scope)

    def _run_for(self, node: ast.For, scope: Scope) -> None:
        for item in self._items(self._value(node.iter, scope)):
            self._assign(node.target, item, scope)
            try:
                self._body(node.body, scope)
            except _Break:
                break
            except _Continue:
                continue

    def _run_while(self, node: ast.While, scope: Scope) -> None:
        while truth(self._value(node.test, scope)):
            self._count()
            try:
                self._body(node.body, scope)
            except _Break:
                break
            except _Continue:
                continue

    def _run_def(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        kinds = {getattr(d, "id", getattr(d, "attr", "")) for d in node.decorator_list}
        kind = next((k for k in ("staticmethod", "classmethod", "property") if k in kinds), "function")
        function = self._function(node.name, node.args, node.body, scope)
        scope.names[node.name] = replace(function, kind=kind)

    def _run_class(self, node: ast.ClassDef, scope: Scope) -> None:
        bases: list[Value] = []
        for base in node.bases:
            name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
            known = scope.find(name)
            found = known.names[name] if known else None
            bases.append(found if isinstance(found, ClassValue) else name)
        inner = Scope({}, scope)
        self.load(node.body, inner)
        scope.names[node.name] = ClassValue(node.name, tuple(bases), inner.names)

    def _run_return(self, node: ast.Return, scope: Scope) -> None:
        raise _Return(None if node.value is None else self._value(node.value, scope))

    def _run_import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        base = f"{node.module}." if isinstance(node, ast.ImportFrom) and node.module else ""
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            last = alias.name.rpartition(".")[2]
            function = lookup(last) if base and last not in MODULES | LAYERS else None
            scope.names[name] = function or Module(f"{base}{alias.name}")

    def _run_try(self, node: ast.Try, scope: Scope) -> None:
        self._body(node.body, scope)
        self._body(node.finalbody, scope)

    def _run_raise(self, _node: ast.Raise, _scope: Scope) -> None:
        raise CodeError("the code raised an error")

    def _run_break(self, _node: ast.Break, _scope: Scope) -> None:
        raise _Break

    def _run_continue(self, _node: ast.Continue, _scope: Scope) -> None:
        raise _Continue

    def _run_expression(self, node: ast.Expr, scope: Scope) -> None:
        self._value(node.value, scope)

    def _run_with(self, node: ast.With, scope: Scope) -> None:
        self._body(node.body, scope)

    def _run_nothing(self, _node: ast.stmt, _scope: Scope) -> None:
        return


_STATEMENTS: Mapping[type[ast.stmt], str] = {
    ast.AnnAssign: "_run_annotated",
    ast.Assert: "_run_nothing",
    ast.Assign: "_run_assign",
    ast.AsyncFunctionDef: "_run_def",
    ast.AugAssign: "_run_augmented",
    ast.Break: "_run_break",
    ast.ClassDef: "_run_class",
    ast.Continue: "_run_continue",
    ast.Delete: "_run_nothing",
    ast.Expr: "_run_expression",
    ast.For: "_run_for",
    ast.FunctionDef: "_run_def",
    ast.Global: "_run_nothing",
    ast.If: "_run_if",
    ast.Import: "_run_import",
    ast.ImportFrom: "_run_import",
    ast.Nonlocal: "_run_nothing",
    ast.Pass: "_run_nothing",
    ast.Raise: "_run_raise",
    ast.Return: "_run_return",
    ast.Try: "_run_try",
    ast.While: "_run_while",
    ast.With: "_run_with",
}
