"""The callable things in a piece of foreign code: functions, modules, optimizers, and bare snippets.

A snippet without a `def` is a function of the names that it reads before it sets them; its result is what it
set last.  Names it both reads and sets carry over from call to call, which makes `m = b*m + g; p -= lr*m` an
optimizer.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from .library import lookup
from .machine import Machine
from .names import LAYERS, MODULES, NUMBERS
from .values import ClassValue, CodeError, Function, Instance, Scope, Value, is_tensor

__all__ = ["Candidate", "candidates", "free_names"]

_MAX_CANDIDATES = 8
_PYTHON = frozenset({"isinstance", "super", "getattr", "setattr", "type", "sum", "float", "issubclass"})
_TYPES = frozenset({"bool", "int", "float", "complex", "str"})
_ARRAY_WORDS = frozenset({"shape", "T", "mT", "data", "grad", "ndim", "dtype", "device", "requires_grad"})
_STEPS = 3_000_000  # of one candidate over all its calls; some four seconds


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """Something that can be called with named values.

    `run` takes values by name and gives the result; for snippets the result is a mapping of every name set.
    `source` is the syntax it came from, `written` the names a snippet sets, in order.
    """

    name: str
    kind: str  # function, module, snippet
    required: tuple[str, ...]
    optional: tuple[str, ...]
    run: Callable[[Mapping[str, Value]], Value]
    source: ast.AST
    written: tuple[str, ...] = ()
    renew: Callable[[], Candidate] | None = None
    """Makes the same candidate with fresh state (a new instance of its class)."""
    keys: tuple[int, ...] = ()
    """Whole numbers under which tables in the code are looked up."""
    left: Callable[[], int] = lambda: 0
    """Steps of work that are left to it over all its calls."""

    @property
    def reads_gradient(self) -> bool:
        """Whether the code asks for the `.grad` of something."""
        return any(isinstance(node, ast.Attribute) and node.attr == "grad" for node in ast.walk(self.source))

    @property
    def kept_fields(self) -> frozenset[str]:
        """Attributes that the code sets: the memory of its records."""
        stores = (n for n in ast.walk(self.source) if isinstance(n, ast.Attribute))
        return frozenset(node.attr for node in stores if isinstance(node.ctx, ast.Store))

    @property
    def stored(self) -> frozenset[str]:
        """Names that the code sets, also in place or in part: what it may carry from call to call."""
        found: set[str] = set()
        for node in ast.walk(self.source):
            match node:
                case ast.Name(id=name, ctx=ast.Store()):
                    found.add(name)
                case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                    found.add(name)
                case ast.Call(func=ast.Attribute(value=owner, attr=method)) if method.endswith("_"):
                    inner = owner
                    while isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
                        inner = inner.func.value
                    if isinstance(inner, ast.Name):
                        found.add(inner.id)
        return frozenset(found)

    @property
    def holders(self) -> frozenset[str]:
        """Names that are asked for their parameters, as models are."""
        return frozenset(
            node.value.id
            for node in ast.walk(self.source)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.attr in {"parameters", "named_parameters"}
        )

    @property
    def keyed(self) -> frozenset[str]:
        """Names that are looked up by text or asked for a key, as dictionaries are."""
        found: set[str] = set()
        for node in ast.walk(self.source):
            match node:
                case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str())):
                    found.add(name)
                case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[ast.Name(id=name)]):
                    found.add(name)
                case ast.Attribute(value=ast.Name(id=name), attr="get" | "setdefault" | "update"):
                    found.add(name)
                case ast.UnaryOp(op=ast.Not(), operand=ast.Name(id=name)):
                    found.add(name)
                case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name)]):
                    found.add(name)
        return frozenset(found)

    @property
    def records(self) -> frozenset[str]:
        """Names used as records (`s.m`): attributes are read from them that no array has."""
        return frozenset(
            node.value.id
            for node in ast.walk(self.source)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in self.required
            and node.value.id not in self.keyed
            and node.attr not in _ARRAY_WORDS
            and lookup(node.attr) is None
        )


def candidates(tree: ast.Module) -> tuple[Candidate, ...]:
    """Everything callable in the code, most telling first: what others do not call, last defined first."""
    machine, scope = Machine(_STEPS), Scope()
    machine.load(tree.body, scope)
    found: list[Candidate] = []
    for node in reversed(tree.body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found += _of_function(machine, node, scope)
        elif isinstance(node, ast.ClassDef):
            found += _of_class(machine, node, scope)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            found += _of_lambda(machine, node, scope)
    snippet = _of_snippet(tree, scope)
    called = _called_names(tree)
    found.sort(key=lambda candidate: candidate.name in called)
    keys = _table_keys(tree)
    made = [replace(candidate, keys=keys, left=machine.left) for candidate in found]
    return tuple([*made, *(replace(candidate, keys=keys) for candidate in snippet)][:_MAX_CANDIDATES])


def _table_keys(tree: ast.Module) -> tuple[int, ...]:
    tables = (node for node in ast.walk(tree) if isinstance(node, ast.Dict))
    keys = (key.value for table in tables for key in table.keys if isinstance(key, ast.Constant))
    return tuple(sorted({key for key in keys if isinstance(key, int)}))


def free_names(statements: Sequence[ast.AST]) -> tuple[str, ...]:
    """Names read before they are set, in order of appearance, without library names."""
    order: dict[str, None] = {}
    bound: set[str] = set()
    for statement in statements:
        reads, writes = _reads_and_writes(statement)
        for name in reads:
            if name not in bound and name not in MODULES | _TYPES and name not in NUMBERS:
                order.setdefault(name)
        bound |= writes
    return tuple(order)


def _of_function(
    machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope
) -> list[Candidate]:
    function = scope.names.get(node.name)
    return [_callable(machine, function, node.name, node)] if isinstance(function, Function) else []


def _of_lambda(machine: Machine, node: ast.Assign, scope: Scope) -> list[Candidate]:
    name = getattr(node.targets[0], "id", "")
    function = scope.names.get(name)
    return [_callable(machine, function, name, node)] if isinstance(function, Function) else []


def _callable(machine: Machine, function: Function, name: str, node: ast.AST) -> Candidate:
    """A function; names that it reads and nobody defines are inputs too (`lr`, `base`, `model`)."""
    own = {*function.required, *function.defaults}
    body = [node.value] if isinstance(node, ast.Assign) else getattr(node, "body", [])
    loose = tuple(n for n in free_names(body) if n not in own and function.scope.find(n) is None)

    def run(values: Mapping[str, Value]) -> Value:
        outer = Scope({n: values[n] for n in loose if n in values}, function.scope)
        return machine.call(
            replace(function, scope=outer), (), {k: v for k, v in values.items() if k not in loose}
        )

    return Candidate(
        name=name,
        kind="function",
        required=(*function.required, *loose),
        optional=tuple(key for key in function.defaults if key not in function.required),
        run=run,
        source=node,
    )


# --- classes --------------------------------------------------------------------------------------------

_SIZES = {
    "head": 4,
    "layer": 2,
    "group": 4,
    "expert": 4,
    "rank": 4,
    "vocab": 32,
    "len": 64,
    "block": 64,
    "ctx": 64,
}
_RATES = ("eps", "lr", "rate", "drop", "alpha", "beta", "momentum", "decay", "gamma", "tau", "prob", "scale")


def _of_class(machine: Machine, node: ast.ClassDef, scope: Scope) -> list[Candidate]:
    cls = scope.names.get(node.name)
    if not isinstance(cls, ClassValue):
        return []
    forward = cls.find("forward")
    try:
        if cls.is_a("Optimizer") or (cls.find("step") is not None and forward is None):
            return [_of_optimizer(machine, cls, node)]
        if cls.is_a("Function") and isinstance(forward, Function):
            return [_of_autograd(machine, forward, node)]
    except CodeError:
        return []
    return [*_usable(lambda: _of_instance(machine, cls, node)), *_of_constructor(machine, cls)]


def _usable(make: Callable[[], Candidate]) -> list[Candidate]:
    try:
        return [make()]
    except CodeError:
        return []


def _of_constructor(machine: Machine, cls: ClassValue) -> list[Candidate]:
    """What a constructor makes: the last array with two axes that it keeps."""
    start = cls.find("__init__")
    if not isinstance(start, Function):
        return []

    def run(values: Mapping[str, Value]) -> Value:
        made = machine.call(cls, (), values)
        kept = [v for v in made.fields.values() if is_tensor(v) and v.dim() == 2]
        if not kept:
            raise CodeError("it keeps no matrix")
        return kept[-1]

    body = ast.Module(list(start.body) if isinstance(start.body, Sequence) else [], [])
    names = start.required[1:]
    return [Candidate(f"{cls.name}()", "function", names, (), run, body)] if names else []


def _of_autograd(machine: Machine, forward: Function, node: ast.ClassDef) -> Candidate:
    context = Instance(ClassValue("Context", ("Module",), {}))
    names = forward.parameters[1:]
    return Candidate(
        name=node.name,
        kind="module",
        required=names,
        optional=(),
        run=lambda values: machine.call(forward, (context, *(values[name] for name in names))),
        source=node,
    )


def _of_optimizer(machine: Machine, cls: ClassValue, node: ast.ClassDef) -> Candidate:
    """An optimizer class as a function of one parameter, made at the first step and kept."""
    start, step = cls.find("__init__"), cls.find("step")
    names = [n for n in start.required if n != "self"] if isinstance(start, Function) else []
    wanted = [n for n in step.required if n != "self"] if isinstance(step, Function) else []
    if not names or not isinstance(step, Function):
        raise CodeError(f"{cls.name} is not made from parameters")
    made: dict[str, Value] = {}

    def run(values: Mapping[str, Value]) -> Value:
        tensor = values["p"]
        if getattr(tensor, "foreign_grad", None) is None:
            raise CodeError("an optimizer needs a gradient")
        if "own" not in made:
            made["p"] = tensor.clone()
            made["own"] = machine.call(cls, (), {**{n: _size(n) for n in names[1:]}, names[0]: [made["p"]]})
        made["p"].copy_(tensor)
        made["p"].foreign_grad = tensor.foreign_grad
        machine.call(step, (made["own"],), {name: [tensor.foreign_grad] for name in wanted})
        tensor.copy_(made["p"])
        return None

    return Candidate(
        name=node.name,
        kind="module",
        required=("p",),
        optional=(),
        run=run,
        source=node,
        renew=lambda: _of_optimizer(machine, cls, node),
    )


def _of_instance(machine: Machine, cls: ClassValue, node: ast.ClassDef) -> Candidate:
    start = cls.find("__init__")
    names = start.required[1:] if isinstance(start, Function) else ()
    instance = machine.call(cls, (), {name: _size(name) for name in names})
    usual = ("forward", "__call__", "get_lr", "step", "update", *cls.members)
    methods = (cls.find(m) for m in usual if m not in {"__init__", "__repr__", "reset"})
    forward = next((m for m in methods if isinstance(m, Function) and m.kind == "function"), None)
    if not isinstance(forward, Function):
        raise CodeError(f"{cls.name} has nothing to call")
    parameters = tuple(name for name in forward.required if name != "self")
    return Candidate(
        name=node.name,
        kind="module",
        required=parameters,
        optional=tuple(key for key in forward.defaults if key not in parameters),
        run=lambda values: machine.call(forward, (instance,), values),
        source=node,
        renew=lambda: _of_instance(machine, cls, node),
    )


def _size(name: str) -> float | int:
    """A value for a constructor's argument, by what its name hints at; sizes are 16."""
    low = name.lower()
    if any(part in low for part in _RATES):
        return 1e-5 if "eps" in low else 0.1
    return next((size for part, size in _SIZES.items() if part in low), 16)


# --- snippets -------------------------------------------------------------------------------------------


def _of_snippet(tree: ast.Module, scope: Scope) -> list[Candidate]:
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    body = [node for node in tree.body if not isinstance(node, definitions)]
    body = [
        node for node in body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    if not body:
        return []
    defined = {key: value for key, value in scope.names.items() if isinstance(value, (Function, ClassValue))}
    names = tuple(name for name in free_names(body) if name not in defined)
    written: dict[str, None] = {}
    for statement in body:
        loops = {
            name
            for node in ast.walk(statement)
            if isinstance(node, ast.For)
            for name in _names_in(node.target)
        }
        fresh = sorted(_reads_and_writes(statement)[1], key=lambda name: (name not in loops, name))
        written = {name: None for name in written if name not in fresh} | dict.fromkeys(fresh)
    machine = Machine(_STEPS)

    def run(values: Mapping[str, Value]) -> Value:
        inner = Scope({**defined, **values})
        returned = machine.run(body, inner)
        inner.names["return"] = returned if returned is not None else _last_value(machine, body, inner)
        return inner.names

    wrapped = ast.Module(list(body), [])
    return (
        [Candidate("snippet", "snippet", names, (), run, wrapped, tuple(written), left=machine.left)]
        if names or written
        else []
    )


def _names_in(target: ast.expr) -> list[str]:
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def _last_value(machine: Machine, body: Sequence[ast.stmt], scope: Scope) -> Value:
    """A snippet that ends in a bare expression means that value (unless it is a call made for its effect)."""
    last = body[-1]
    if isinstance(last, ast.Expr) and not isinstance(last.value, ast.Call):
        return machine.value(last.value, scope)
    return None


def _reads_and_writes(statement: ast.AST) -> tuple[list[str], set[str]]:
    """Names read (in order) and set by one statement; an augmented target is both."""
    visitor = _Names()
    visitor.visit(statement)
    return visitor.reads, visitor.writes


class _Names(ast.NodeVisitor):
    """Collects names in evaluation order: values before targets."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.writes: set[str] = set()
        self._local: set[str] = set()

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name) and node.target.id not in self.writes | self._local:
            self.reads.append(node.target.id)
        self.visit(node.value)
        self.visit(node.target)

    def visit_Call(self, node: ast.Call) -> None:
        """A library function is no variable where it is called; `t` and `norm` are, anywhere else."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in _PYTHON and lookup(name) is None:
            self.visit(node.func)
        for part in (*node.args, *node.keywords):
            self.visit(part)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._local |= {arg.arg for arg in node.args.args}
        self.visit(node.body)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._local |= {name.id for name in ast.walk(node.target) if isinstance(name, ast.Name)}
        self.visit(node.iter)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        for generator in node.generators:
            self.visit(generator)
        self.visit(node.elt)

    visit_GeneratorExp = visit_ListComp  # type: ignore[assignment] # noqa: N815

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            if node.id not in self._local and node.id not in self.writes:
                self.reads.append(node.id)
        else:
            self.writes.add(node.id)


def _called_names(tree: ast.Module) -> set[str]:
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {func.id for func in calls if isinstance(func, ast.Name)} - LAYERS
