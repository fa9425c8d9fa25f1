"""From syntax trees to terms: one term a statement, with temporaries replaced by what they hold.

    ("set", target, value)    an assignment; `p += x` and `p.add_(x)` are assignments too
    ("return", value)         ("do", value)         ("if", condition)         ("for", items)

Shapes, casts and placement are dropped (`view`, `unsqueeze`, `float`, `x[:, None]`): they say how, not what.
Functions are known by their last name, whichever library or method they come from.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence

from .code.names import ALIASES, DROPPED
from .terms import Term, add, call, multiply, name, negate, number, power, size

__all__ = ["read_terms", "read_terms_and_calls"]

_MAX_INLINED = 80  # nodes of a temporary that is still replaced by what it holds
_MAX_TERMS = 800

_TRANSPARENT = """
    float double half bfloat16 to type type_as cpu cuda contiguous clone copy item array asarray tensor
    as_tensor from_numpy Variable numpy astype float32 float64 view reshape unsqueeze squeeze expand
    expand_as view_as flatten broadcast_to ravel expand_dims requires_grad_ rearrange
"""
TRANSPARENT = frozenset(_TRANSPARENT.split())
_SHAPE_WORDS = frozenset(
    {"dim", "axis", "keepdim", "keepdims", "eps", "memory_format", "non_blocking", "size"}
)
_ATTRIBUTES = {"data": "", "T": "transpose", "mT": "transpose", "real": "", "values": "", "grad": "grad"}
_MODULES = frozenset(
    {"torch", "np", "numpy", "math", "F", "nn", "jnp", "jax", "tf", "random", "init", "optim"}
)
_POWERS = {"sqrt": 0.5, "rsqrt": -0.5, "square": 2.0, "reciprocal": -1.0, "cbrt": 1.0 / 3.0}


def read_terms(statements: Sequence[ast.stmt]) -> tuple[Term, ...]:
    """All statements as terms, function by function, in order."""
    return read_terms_and_calls(statements)[0]


def read_terms_and_calls(statements: Sequence[ast.stmt]) -> tuple[tuple[Term, ...], frozenset[str]]:
    """The terms, and the names of all functions called, also of those that terms leave out."""
    reader = _Reader()
    reader.block(statements)
    return tuple(reader.terms[:_MAX_TERMS]), frozenset(reader.seen)


class _Reader:
    """Collects terms and keeps what the temporaries of the current function hold."""

    def __init__(self) -> None:
        self.terms: list[Term] = []
        self.seen: set[str] = set()
        self._held: dict[str, Term] = {}

    def block(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            self._statement(statement)

    # --- statements -------------------------------------------------------------------------------------

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._inside(node.body, node.args)
            case ast.ClassDef():
                self.terms.extend(("base", name(_leaf(base))) for base in node.bases)
                self.block(node.body)
            case ast.Assign():
                for target in node.targets:
                    self._set(target, node.value)
            case ast.AnnAssign(value=ast.expr() as value):
                self._set(node.target, value)
            case ast.AugAssign():
                self._store(
                    node.target, self._combined(node.op, self.value(node.target), self.value(node.value))
                )
            case ast.Break():
                self.terms.append(("break",))
            case ast.Return(value=ast.expr() as value):
                self.terms.append(("return", self.value(value)))
            case ast.Expr(value=value):
                self._effect(value)
            case _:
                self._compound(node)

    def _compound(self, node: ast.stmt) -> None:
        match node:
            case ast.If():
                self.terms.append(("if", self.value(node.test)))
                self._branches(node.body, node.orelse)
            case ast.For():
                self.terms.append(("for", self.value(node.iter)))
                self._loop([node.target, *node.body], node.body)
            case ast.While():
                self.terms.append(("while", self.value(node.test)))
                self._loop(node.body, node.body)
            case ast.With():
                self.terms.extend(("with", self.value(item.context_expr)) for item in node.items)
                self.block(node.body)
            case ast.Try():
                self.block([*node.body, *node.finalbody])

    def _loop(self, setters: Sequence[ast.AST], body: Sequence[ast.stmt]) -> None:
        """What a loop sets may come from the round before: nothing is known of it at the start."""
        for setter in setters:
            for node in ast.walk(setter):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    self._held.pop(node.id, None)
        self.block(body)

    def _branches(self, *bodies: Sequence[ast.stmt]) -> None:
        """Each branch starts from what was held before; what any of them sets is open afterwards."""
        before = dict(self._held)
        changed: set[str] = set()
        for body in bodies:
            self._held = dict(before)
            self.block(body)
            changed |= {key for key, held in self._held.items() if before.get(key) != held}
            changed |= before.keys() - self._held.keys()
        self._held = {key: held for key, held in before.items() if key not in changed}

    def _inside(self, body: Sequence[ast.stmt], arguments: ast.arguments) -> None:
        outer = self._held
        names = {arg.arg for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
        self._held = {key: value for key, value in outer.items() if key not in names}
        for default in (*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)):
            self.terms.append(("default", self.value(default)))
        self.block(body)
        self._held = outer

    def _set(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            if len(parts) == len(target.elts):
                terms = [self.value(part) for part in parts]
                for each, term in zip(target.elts, terms, strict=True):
                    self._store(each, term)
                return
            whole = self.value(value)
            for at, each in enumerate(target.elts):
                self._store(each, ("part", whole, number(at)))
            return
        self._store(target, self.value(value))

    def _store(self, target: ast.expr, term: Term) -> None:
        place = self._place(target)
        self.terms.append(("set", place, term))
        if isinstance(target, ast.Name) and size(term, _MAX_INLINED + 1) <= _MAX_INLINED:
            self._held[target.id] = term
        elif isinstance(target, ast.Name):
            self._held.pop(target.id, None)

    def _place(self, target: ast.expr) -> Term:
        """A target as a term, its own name never replaced by what it held."""
        if isinstance(target, ast.Name):
            return name(target.id)
        return self.value(target)

    def _effect(self, value: ast.expr) -> None:
        """`p.add_(x)` for its effect sets p; other expressions are just done."""
        match value:
            case ast.Constant():
                return
            case ast.Call(func=ast.Attribute(value=owner, attr=method)) if method.endswith("_"):
                self._store(_root_of(owner), self.value(value))
            case _:
                self.terms.append(("do", self.value(value)))

    # --- expressions ------------------------------------------------------------------------------------

    def value(self, node: ast.expr) -> Term:  # noqa: PLR0911 - one return for each kind of node
        """The expression as a term."""
        match node:
            case ast.Constant():
                return _constant(node)
            case ast.Name(id=text):
                return self._held.get(text, name(text))
            case ast.BinOp():
                return self._combined(node.op, self.value(node.left), self.value(node.right))
            case ast.UnaryOp():
                inner = self.value(node.operand)
                return (
                    negate(inner)
                    if isinstance(node.op, ast.USub)
                    else (type(node.op).__name__.lower(), inner)
                )
            case ast.Call():
                return self._call(node)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                return self._subscript(node)
        return self._other(node)

    def _other(self, node: ast.expr) -> Term:  # noqa: PLR0911
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return _comparison(op, self.value(left), self.value(right))
            case ast.BoolOp():
                return (type(node.op).__name__.lower(), *(self.value(part) for part in node.values))
            case ast.IfExp():
                return ("where", self.value(node.test), self.value(node.body), self.value(node.orelse))
            case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
                return ("list", *(self.value(part) for part in parts))
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                return ("comprehension", self.value(node.elt), self.value(node.generators[0].iter))
            case ast.Lambda():
                return ("lambda", self.value(node.body))
            case ast.Dict():
                pairs = zip(node.keys, node.values, strict=True)
                return ("dict", *(("pair", self.value(k), self.value(v)) for k, v in pairs if k is not None))
            case ast.Starred(value=inner) | ast.NamedExpr(value=inner):
                return self.value(inner)
        return ("other",)

    def _combined(self, operation: ast.operator, left: Term, right: Term) -> Term:
        match operation:
            case ast.Add():
                return add(left, right)
            case ast.Sub():
                return add(left, negate(right))
            case ast.Mult():
                return multiply(left, right)
            case ast.Div():
                return multiply(left, power(right, number(-1.0)))
            case ast.Pow():
                return power(left, right)
        return (type(operation).__name__.lower(), left, right)

    def _attribute(self, node: ast.Attribute) -> Term:
        path = _path(node)
        if path.partition(".")[0] in _MODULES:
            constants = {"pi": math.pi, "e": math.e, "inf": math.inf}
            return number(constants[node.attr]) if node.attr in constants else name(node.attr)
        if node.attr in _ATTRIBUTES:
            inner = self.value(node.value)
            return (_ATTRIBUTES[node.attr], inner) if _ATTRIBUTES[node.attr] else inner
        if path.startswith("self.") and path.count(".") == 1:
            return name(path)
        return (f".{node.attr}", self.value(node.value))

    def _subscript(self, node: ast.Subscript) -> Term:
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        owner = self.value(node.value)
        if all(_whole_axis(part) for part in parts):
            return owner
        return ("item", owner, *(self._index(part) for part in parts if not _whole_axis(part)))

    def _index(self, node: ast.expr) -> Term:
        if isinstance(node, ast.Slice):
            ends = (node.lower, node.upper, node.step)
            return ("slice", *(name("") if end is None else self.value(end) for end in ends))
        return self.value(node)

    def _call(self, node: ast.Call) -> Term:
        function = _leaf(node.func)
        if isinstance(node.func, ast.Call):  # nn.CrossEntropyLoss()(x, y)
            function = _MODULE_FUNCTIONS.get(_leaf(node.func.func), "call")
        arguments = [self.value(arg) for arg in node.args]
        if isinstance(node.func, ast.Attribute) and _is_method(node.func):
            arguments.insert(0, self.value(node.func.value))  # `x.f()` is f(x)
        words = {kw.arg: self.value(kw.value) for kw in node.keywords if kw.arg}
        self.seen.add(function)
        if function in TRANSPARENT and arguments:
            self.terms.extend(
                ("size", part) for part in arguments[1:] if part[0] not in {"name", "num", "str"}
            )
            return arguments[0]
        function = ALIASES.get(function, function)
        rewrite = _REWRITES.get(function.rstrip("_"))
        if rewrite is not None:
            rewritten = rewrite(arguments, words)
            if rewritten is not None:
                return rewritten
        kept = [
            (f"{key}=", value) for key, value in sorted(words.items()) if key not in _SHAPE_WORDS | DROPPED
        ]
        return call(function or "call", *arguments, *kept)


# --- functions with a normal form -----------------------------------------------------------------------

_Words = Mapping[str, Term]


def _powers(exponent: float) -> Callable[[list[Term], _Words], Term | None]:
    return lambda a, w: power(a[0], number(exponent)) if len(a) == 1 else None  # noqa: ARG005


def _sum(a: list[Term], w: _Words) -> Term | None:
    if len(a) != 2:
        return None
    return add(a[0], multiply(w.get("alpha", number(1.0)), a[1]))


def _difference(a: list[Term], w: _Words) -> Term | None:
    return None if len(a) != 2 else add(a[0], negate(multiply(w.get("alpha", number(1.0)), a[1])))


def _with_product(a: list[Term], w: _Words) -> Term | None:
    return None if len(a) != 3 else add(a[0], multiply(w.get("value", number(1.0)), a[1], a[2]))


def _with_quotient(a: list[Term], w: _Words) -> Term | None:
    if len(a) != 3:
        return None
    return add(a[0], multiply(w.get("value", number(1.0)), a[1], power(a[2], number(-1.0))))


def _between(a: list[Term], w: _Words) -> Term | None:
    if len(a) < 2:
        return None
    weight = a[2] if len(a) == 3 else w.get("weight", name("weight"))
    return add(multiply(add(number(1.0), negate(weight)), a[0]), multiply(weight, a[1]))


def _clamped(a: list[Term], w: _Words) -> Term | None:
    low = w.get("min", w.get("a_min", a[1] if len(a) > 1 else None))
    high = w.get("max", w.get("a_max", a[2] if len(a) > 2 else None))
    term = a[0] if a else w.get("input", name("x"))
    if low is not None and low != ("name", "None"):
        term = call("max", term, low)
    return term if high is None or high == ("name", "None") else call("min", term, high)


_REWRITES: Mapping[str, Callable[[list[Term], _Words], Term | None]] = {
    **{function: _powers(exponent) for function, exponent in _POWERS.items()},
    "pow": lambda a, w: power(a[0], a[1]) if len(a) == 2 else None,  # noqa: ARG005
    "exp2": lambda a, w: power(number(2.0), a[0]) if a else None,  # noqa: ARG005
    "log1p": lambda a, w: call("log", add(number(1.0), a[0])) if a else None,  # noqa: ARG005
    "expm1": lambda a, w: add(call("exp", a[0]), number(-1.0)) if a else None,  # noqa: ARG005
    "neg": lambda a, w: negate(a[0]) if a else None,  # noqa: ARG005
    "add": _sum,
    "sub": _difference,
    "mul": lambda a, w: multiply(*a) if len(a) == 2 else None,  # noqa: ARG005
    "div": lambda a, w: multiply(a[0], power(a[1], number(-1.0))) if len(a) == 2 else None,  # noqa: ARG005
    "addcmul": _with_product,
    "addcdiv": _with_quotient,
    "lerp": _between,
    "clamp": _clamped,
    "clamp_min": lambda a, w: call("max", *a) if len(a) == 2 else None,  # noqa: ARG005
    "clamp_max": lambda a, w: call("min", *a) if len(a) == 2 else None,  # noqa: ARG005
    "maximum": lambda a, w: call("max", *a),  # noqa: ARG005
    "minimum": lambda a, w: call("min", *a),  # noqa: ARG005
    "amax": lambda a, w: ("max", a[0]) if a else None,  # noqa: ARG005
    "amin": lambda a, w: ("min", a[0]) if a else None,  # noqa: ARG005
    "mv": lambda a, w: ("matmult", *a),  # noqa: ARG005
    "mm": lambda a, w: ("matmult", *a),  # noqa: ARG005
    "bmm": lambda a, w: ("matmult", *a),  # noqa: ARG005
    "matmul": lambda a, w: ("matmult", *a),  # noqa: ARG005
    "dot": lambda a, w: ("matmult", *a),  # noqa: ARG005
    "stop_gradient": lambda a, w: ("detach", *a),  # noqa: ARG005
    "t": lambda a, w: ("transpose", a[0]) if a else None,  # noqa: ARG005
    "transpose": lambda a, w: ("transpose", a[0]) if a else None,  # noqa: ARG005
    "permute": lambda a, w: ("transpose", a[0]) if a else None,  # noqa: ARG005
    "swapaxes": lambda a, w: ("transpose", a[0]) if a else None,  # noqa: ARG005
}


_MODULE_FUNCTIONS = {
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "BCELoss": "binary_cross_entropy",
    "CrossEntropyLoss": "cross_entropy",
    "GELU": "gelu",
    "KLDivLoss": "kl_div",
    "L1Loss": "l1_loss",
    "MSELoss": "mse_loss",
    "NLLLoss": "nll_loss",
    "ReLU": "relu",
    "SiLU": "silu",
    "Sigmoid": "sigmoid",
    "SmoothL1Loss": "smooth_l1_loss",
    "Softmax": "softmax",
    "Softplus": "softplus",
    "Tanh": "tanh",
}
"""Modules that are made and called in one breath, as the functions that they are."""


def _constant(node: ast.Constant) -> Term:
    match node.value:
        case bool() | None:
            return name(str(node.value))
        case int() | float() as value if abs(value) < 1e300:
            return number(value)
        case str() as text:
            return ("str", text[:200])
    return ("other",)


def _comparison(operation: ast.cmpop, left: Term, right: Term) -> Term:
    match operation:
        case ast.Gt():
            return ("<", right, left)
        case ast.GtE():
            return ("<=", right, left)
        case ast.Lt():
            return ("<", left, right)
        case ast.LtE():
            return ("<=", left, right)
    return (type(operation).__name__.lower(), left, right)


def _whole_axis(node: ast.expr) -> bool:
    """`:`, `None` and `...` only arrange axes."""
    match node:
        case ast.Slice(lower=None, upper=None, step=None) | ast.Constant(value=None):
            return True
        case ast.Constant(value=value) if value is Ellipsis:
            return True
    return isinstance(node, ast.Attribute) and node.attr == "newaxis"


def _leaf(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _path(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _is_method(function: ast.Attribute) -> bool:
    """Whether what stands before the dot is an operand: no library, and not `self` (`self.f(x)` is f(x))."""
    return _path(function).partition(".")[0] not in _MODULES and _path(function.value) != "self"


def _root_of(node: ast.expr) -> ast.expr:
    """`p.data.mul_(a)` and `p.mul_(a)` set p."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return node.value if isinstance(node, ast.Attribute) and node.attr == "data" else node
