"""Plain loops over numbers as arithmetic of arrays, by rewriting the syntax tree.

What one author writes as `torch.where(x > 0, x, a * x).mean()` another writes as a loop with an `if`, a list
that grows and a division by its length.  Here the second becomes the first, roughly:

* what a loop runs over takes the place of its variable, an index falls away (`x[i]` is `x`) or is `arange()`;
* `total += e` from nothing is `sum(e)`, `out.append(e)` and `out[i] = e` set `out` to `e`;
* branches that set, return or append the same thing are `where(condition, one, other)`;
* a sum divided by a length is a mean;
* a call of the program's own short function is what the function returns.

Meaning is not kept exactly (a recurrence looks like a map), so this serves likeness alone, never a proof.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from typing import Final, TypeAlias

__all__ = ["as_arrays"]

_Bound: TypeAlias = dict[str, ast.expr]

_MOST_BOUND: Final = 25  # nodes of what may take a variable's place
_MOST_RETURNED: Final = 80  # nodes of what may take a call's place
_INDEX: Final = "arange"
_LENGTHS: Final = frozenset({"len", "numel", "size", "shape"})


def as_arrays(tree: ast.Module) -> ast.Module:
    """A rewritten copy of the tree."""
    rewriter = _Arrays()
    return ast.Module(rewriter.block(copy.deepcopy(tree).body), [])


class _Arrays(ast.NodeTransformer):
    """Rewrites one module.

    `_bound` says what stands for a loop's variables, `_open` what starts from nothing.
    """

    def __init__(self) -> None:
        self._bound: _Bound = {}
        self._open: dict[str, str] = {}
        self._depth = 0
        self._functions: dict[str, ast.Lambda] = {}

    # --- statements -------------------------------------------------------------------------------------

    def block(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        """The statements one by one, branches joined."""
        done: list[ast.stmt] = []
        for at, statement in enumerate(statements):
            if isinstance(statement, ast.If) and (joined := _joined(statement, statements[at + 1 :])):
                done += self._statement(joined)
                if isinstance(joined, ast.Return):
                    return done
                continue
            done += self._statement(statement)
        return done

    def _statement(self, node: ast.stmt) -> list[ast.stmt]:  # noqa: PLR0911 - one for each kind
        match node:
            case ast.For():
                return self._loop(node)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._opened(name, value)
                node.value = self.visit(value)
                self._bound.pop(name, None)
                if isinstance(node.value, ast.Lambda):
                    self._functions[name] = node.value
                return [node]
            case ast.AugAssign(target=ast.Name(id=name)):
                return [self._gathered(node, name)]
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=ast.Name(id=out), attr="append"), args=[item])
            ):
                return [_set(out, self.visit(item))]
            case ast.FunctionDef(name=name):
                self._inside(node)
                if returned := _returned(node):
                    self._functions[name] = ast.Lambda(node.args, returned)
                return [node]
            case ast.AsyncFunctionDef() | ast.ClassDef() | ast.With() | ast.While():
                return [self._inside(node)]
            case ast.If() | ast.Try():
                return [self._inside(node)]
        return [self.visit(node)]

    def _inside(self, node: ast.stmt) -> ast.stmt:
        bound, opened = dict(self._bound), dict(self._open)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    self._bound.pop(argument.arg, None)
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, name, self.block(value))
            elif isinstance(value, ast.expr):
                setattr(node, name, self.visit(value))
        self._bound, self._open = bound, opened
        return node

    def _loop(self, node: ast.For) -> list[ast.stmt]:
        self._bind(node.target, self.visit(node.iter))
        self._depth += 1
        body = self.block(node.body)
        self._depth -= 1
        node.target, node.iter = ast.Name("_", ast.Store()), ast.Constant(value=None)
        kept = ast.Expr(ast.Call(ast.Name("loop", ast.Load()), [], []))
        return [kept, *body] if any(isinstance(part, ast.For) for part in node.body) else body

    def _opened(self, name: str, value: ast.expr) -> None:
        """Remembers a name that starts as nothing: 0, 1, an empty list."""
        match value:
            case ast.Constant(value=0 | 0.0):
                self._open[name] = "sum"
            case ast.Constant(value=1 | 1.0):
                self._open[name] = "prod"
            case _:
                self._open.pop(name, None)

    def _gathered(self, node: ast.AugAssign, name: str) -> ast.stmt:
        """`total += e` in a loop, from nothing, is the sum of e."""
        value = self.visit(node.value)
        self._bound.pop(name, None)
        wanted = {"sum": ast.Add, "prod": ast.Mult}.get(self._open.get(name, ""))
        if self._depth and wanted is not None and isinstance(node.op, wanted):
            return _set(name, _call(self._open[name], value))
        node.value = value
        return node

    # --- expressions ------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id in self._bound:
            return copy.deepcopy(self._bound[node.id])
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        arguments = [self.visit(part) for part in node.args]
        keywords = [ast.keyword(one.arg, self.visit(one.value)) for one in node.keywords]
        function = self._functions.get(_named(node))
        if function is not None:
            value = _applied(function, arguments, keywords)
            if value is not None:
                return value
        return ast.Call(self.visit(node.func), arguments, keywords)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        owner: ast.expr = self.visit(node.value)
        place: ast.expr = self.visit(node.slice)
        if _is_index(place):
            return owner
        if isinstance(place, ast.BinOp) and _is_index(place.left) and isinstance(place.right, ast.Constant):
            return _call("shift", owner)
        return ast.Subscript(owner, place, node.ctx)

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        return self._each(node.elt, node.generators)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        return self._each(node.elt, node.generators)

    def visit_SetComp(self, node: ast.SetComp) -> ast.expr:
        return self._each(node.elt, node.generators)

    def visit_DictComp(self, node: ast.DictComp) -> ast.expr:
        return self._each(node.value, node.generators)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.Div) and _named(left) == "sum" and _is_length(right):
            assert isinstance(left, ast.Call)  # it has a name that is called
            return _call("mean", *left.args)
        return ast.BinOp(left, node.op, right)

    def _each(self, element: ast.expr, generators: Sequence[ast.comprehension]) -> ast.expr:
        outer = dict(self._bound)
        conditions: list[ast.expr] = []
        for generator in generators:
            self._bind(generator.target, self.visit(generator.iter))
            conditions += [self.visit(test) for test in generator.ifs]
        value = self.visit(element)
        self._bound = outer
        for condition in conditions:
            value = _call("where", condition, value, ast.Constant(value=0))
        return value  # type: ignore[no-any-return]

    def _bind(self, target: ast.expr, items: ast.expr) -> None:
        """What takes the place of a loop's variables."""
        parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
        name = _named(items)
        arguments = items.args if isinstance(items, ast.Call) else []
        if name == "enumerate" and len(parts) == 2 and arguments:
            self._put(parts[0], _index())
            self._bind(parts[1], arguments[0])
        elif name == "zip" and len(parts) == len(arguments):
            for part, argument in zip(parts, arguments, strict=True):
                self._bind(part, argument)
        elif name in {"range", "arange", "trange"}:
            self._put(target, _index())
        elif parts:
            for part in parts:
                self._put(part, None)
        else:
            self._put(target, items)

    def _put(self, target: ast.expr, value: ast.expr | None) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                self._bound.pop(node.id, None)
        if isinstance(target, ast.Name) and value is not None and _small(value):
            self._bound[target.id] = value


def _joined(node: ast.If, rest: Sequence[ast.stmt]) -> ast.stmt | None:
    """`if c: y = a` `else: y = b` as one statement, also where the other branch is what follows."""
    if len(node.body) != 1 or len(node.orelse) > 1:
        return None
    one = node.body[0]
    after = rest if isinstance(one, ast.Return) else ()
    other: ast.stmt | None = node.orelse[0] if node.orelse else (after[0] if after else None)
    if isinstance(other, ast.If):
        other = _joined(other, after if node.orelse else after[1:])
    match one, other:
        case ast.Return(value=ast.expr() as first), ast.Return(value=ast.expr() as second):
            return ast.Return(_call("where", node.test, first, second))
        case ast.Assign(targets=[target], value=first), ast.Assign(targets=[same], value=second):
            if ast.dump(target) == ast.dump(same):
                return ast.Assign([target], _call("where", node.test, first, second), lineno=1)
        case (
            ast.Expr(value=ast.Call(func=ast.Attribute(attr="append"), args=[first]) as call),
            ast.Expr(value=ast.Call(func=ast.Attribute(attr="append"), args=[second])),
        ):
            return ast.Expr(ast.Call(call.func, [_call("where", node.test, first, second)], []))
    return None


def _returned(node: ast.FunctionDef) -> ast.expr | None:
    """What a function of assignments and one `return` returns, if that is short."""
    held: _Bound = {}
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                held[name] = _Replaced(held).visit(copy.deepcopy(value))
            case ast.Return(value=ast.expr() as value):
                done: ast.expr = _Replaced(held).visit(copy.deepcopy(value))
                return done if _small(done, _MOST_RETURNED) else None
            case ast.Expr(value=ast.Constant()):
                continue
            case _:
                return None
        if not _small(held[name], _MOST_RETURNED):
            return None
    return None


def _applied(
    function: ast.Lambda, arguments: Sequence[ast.expr], keywords: Sequence[ast.keyword]
) -> ast.expr | None:
    """A function's value with arguments in the parameters' places; None if they do not fit."""
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args) if one.arg != "self"]
    if len(arguments) > len(names) or any(isinstance(one, ast.Starred) for one in arguments):
        return None
    given = dict(zip(names, arguments, strict=False))
    given |= {one.arg: one.value for one in keywords if one.arg is not None}
    if not all(_small(value) for value in given.values()):
        return None
    value: ast.expr = _Replaced(given).visit(copy.deepcopy(function.body))
    return value if _small(value, _MOST_RETURNED) else None


class _Replaced(ast.NodeTransformer):
    """Names replaced by what they hold."""

    def __init__(self, held: _Bound) -> None:
        self._held = held

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id in self._held:
            return copy.deepcopy(self._held[node.id])
        return node


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _index() -> ast.Call:
    return _call(_INDEX)


def _set(name: str, value: ast.expr) -> ast.Assign:
    return ast.Assign([ast.Name(name, ast.Store())], value, lineno=1)


def _named(node: ast.expr) -> str:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name
    return ""


def _is_index(node: ast.AST) -> bool:
    """Whether a subscript only says which element, of one axis or of several."""
    if isinstance(node, ast.Tuple):
        return bool(node.elts) and all(_is_index(part) for part in node.elts)
    return isinstance(node, ast.Call) and _named(node) == _INDEX and not node.args


def _is_length(node: ast.expr) -> bool:
    match node:
        case ast.Subscript(value=ast.Attribute(attr="shape")) | ast.Name():
            return True
    return _named(node) in _LENGTHS


def _small(node: ast.expr, most: int = _MOST_BOUND) -> bool:
    return sum(1 for _ in ast.walk(node)) <= most
