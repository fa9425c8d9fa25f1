"""A program's canonical form and content id: what is left when comments, layout and local names are gone.

Two hundred copies of one program that differ in comments must be one candidate, not two hundred tries at
luck. The canonical form is the syntax tree written out again after removing what cannot matter: comments,
layout, docstrings, other constant statements, type annotations of functions, superfluous `pass`; local
names of top-level functions become v0, v1, ... in order of appearance. Annotations stay where a decorator
may read them, and all of it stays in a program that looks at its own signatures or texts. The id is a hash of
that text, the text itself is the blob that travels, and a node that receives one needs only the hash to check
it.

Canonical text is written by `ast.unparse`, whose spelling may change between versions of Python. So the id of
one program may differ between nodes with different Pythons: that weakens the merging of duplicates, nothing
else, for the blob is what its hash says. Not covered: programs that differ in more than names (dead code,
reordered functions, x*2 for x+x) have different ids; behaviour probes and paired seeds see those.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Final

from leaderboard.blob import blob_id

from ..sandbox.codes import Code, Rejected

__all__ = ["MAX_NODES", "MAX_SOURCE_BYTES", "Program", "program_id", "read_program"]

MAX_SOURCE_BYTES: Final = 32 * 1024
"""Longest source, before and after canonicalisation: half of the largest record."""
MAX_NODES: Final = 8_000
"""Most nodes of the syntax tree."""
_MAX_DEPTH: Final = 100  # of brackets and of the syntax tree; what people write stays below 30

# Functions that see local names as text, and statements that bind names we do not rename.
_NAME_READERS: Final = frozenset({"dir", "eval", "exec", "globals", "locals", "vars"})
_SCOPES: Final = (
    ast.AsyncFunctionDef, ast.DictComp, ast.FunctionDef, ast.GeneratorExp, ast.Lambda, ast.ListComp,
    ast.SetComp,
)  # fmt: skip
# Functions and attributes that see annotations, docstrings or names of parameters: nothing of a program that
# mentions one is removed or renamed.
_REFLECTION: Final = frozenset({
    "__annotations__", "__code__", "__doc__", "__kwdefaults__", "f_locals", "get_annotations",
    "get_type_hints", "getdoc", "getfullargspec", "signature", "singledispatch",
})  # fmt: skip
_UNRENAMED: Final = (ast.ClassDef, ast.Global, ast.Match, ast.Nonlocal)


@dataclass(frozen=True, slots=True)
class Program:
    """A program in canonical form."""

    source: str
    defines: frozenset[str]
    """Names bound at the top level."""

    @property
    def id(self) -> bytes:
        """32 bytes; what a recipe carries."""
        return program_id(self.source.encode())


def program_id(source: bytes) -> bytes:
    """The id of the blob that holds canonical source bytes: with it a peer can fetch them."""
    return blob_id(source)


def read_program(source: str | bytes) -> Program:
    """The program in a source text; Rejected(PROGRAM_SIZE or PROGRAM_SYNTAX) says what is wrong with it."""
    tree = _parse(_decode(source))
    if not _reflects(tree):
        _strip(tree)
        keywords = _keywords(tree)
        for function in tree.body:
            if isinstance(function, ast.FunctionDef) and keywords is not None:
                _rename(function, keywords)
    text = _unparsed(tree)
    if len(text.encode()) > MAX_SOURCE_BYTES:
        raise Rejected(Code.PROGRAM_SIZE, f"the canonical form has more than {MAX_SOURCE_BYTES} bytes")
    return Program(text, frozenset(_bound(tree.body)))


def _decode(source: str | bytes) -> str:
    raw = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(raw) > MAX_SOURCE_BYTES:
        raise Rejected(Code.PROGRAM_SIZE, f"{len(raw)} bytes of source; at most {MAX_SOURCE_BYTES} are taken")
    try:
        return raw.decode("utf-8-sig")  # some editors begin a file with a mark of its encoding
    except UnicodeDecodeError as error:
        raise Rejected(Code.PROGRAM_SYNTAX, f"the source is not UTF-8: {error.reason}") from None


def _parse(text: str) -> ast.Module:
    _check_brackets(text)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise Rejected(Code.PROGRAM_SYNTAX, f"line {error.lineno}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Rejected(Code.PROGRAM_SYNTAX, f"cannot be parsed: {type(error).__name__}") from None
    _check_size(tree)
    return tree


def _unparsed(tree: ast.Module) -> str:
    """The tree as text; Rejected if it has none, as numbers too long for decimal digits."""
    try:
        text = ast.unparse(tree) + "\n"
        text.encode()
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Rejected(Code.PROGRAM_SYNTAX, f"cannot be written out again: {type(error).__name__}") from None
    return text


def _reflects(tree: ast.Module) -> bool:
    """Does the program look at its own text, beyond what it computes with?"""
    return any(
        (isinstance(node, ast.Name) and node.id in _REFLECTION)
        or (isinstance(node, ast.Attribute) and node.attr in _REFLECTION)
        for node in ast.walk(tree)
    )


def _check_brackets(text: str) -> None:
    """Bound nesting before the parser recurses into it, so that no source overflows its stack."""
    depth = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in (tokenize.INDENT, tokenize.DEDENT):
                depth += 1 if token.type == tokenize.INDENT else -1
            elif token.type == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
            if depth > _MAX_DEPTH:
                raise Rejected(Code.PROGRAM_SIZE, f"brackets and blocks nest deeper than {_MAX_DEPTH}")
    except (tokenize.TokenError, SyntaxError) as error:
        raise Rejected(Code.PROGRAM_SYNTAX, f"cannot be read: {error.args[0]}") from None


def _check_size(tree: ast.Module) -> None:
    level: list[ast.AST] = [tree]
    seen = depth = 0
    while level:
        seen += len(level)
        depth += 1
        if seen > MAX_NODES or depth > _MAX_DEPTH:
            raise Rejected(
                Code.PROGRAM_SIZE, f"more than {MAX_NODES} syntax nodes, or deeper than {_MAX_DEPTH}"
            )
        level = [child for node in level for child in ast.iter_child_nodes(node)]


def _strip(tree: ast.Module) -> None:
    """Remove what cannot change what the program computes."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                needed = field == "body" and node is not tree
                needed = needed or (field == "finalbody" and bool(block))
                setattr(node, field, _kept(block, needed=needed))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list:
            node.returns = None  # a decorator may read annotations: functools.singledispatch does
            arguments = node.args
            for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                argument.annotation = None
            for rest in (arguments.vararg, arguments.kwarg):
                if rest is not None:
                    rest.annotation = None


def _kept(block: list[ast.stmt], *, needed: bool) -> list[ast.stmt]:
    kept = [statement for statement in block if not _is_idle(statement)]
    return kept or ([ast.Pass()] if needed else [])


def _is_idle(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _keywords(tree: ast.Module) -> frozenset[str] | None:
    """Every name that some call uses as a keyword; None if a call unpacks a mapping, so that any may be."""
    found = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    return None if None in found else frozenset(name for name in found if name is not None)


def _rename(function: ast.FunctionDef, keywords: frozenset[str]) -> None:
    """Rename the function's parameters and local variables, through all that nests in it.

    A name that is bound in the function's own scope may be replaced everywhere in it: an inner scope either
    means that variable or shadows it, and then the shadow is renamed alike. Left alone are functions that
    use names as text, hold a class, or reach out with `global`.
    """
    arguments = function.args
    own = [*arguments.posonlyargs, *arguments.args]
    own += [rest for rest in (arguments.vararg, arguments.kwarg) if rest is not None]
    nodes = [*own, *(node for statement in function.body for node in _in_order(statement))]
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    if any(isinstance(node, _UNRENAMED) for node in nodes) or names & _NAME_READERS:
        return
    fixed = keywords | _otherwise_bound(nodes) | {argument.arg for argument in arguments.kwonlyargs}
    stored = [name for statement in function.body for name in _stored(statement)]
    local = [name for name in dict.fromkeys([a.arg for a in own] + stored) if name not in fixed]
    taken = (names | fixed | {node.arg for node in nodes if isinstance(node, ast.arg)}) - set(local)
    fresh = (name for number in count() if (name := f"v{number}") not in taken)
    mapping = dict(zip(local, fresh, strict=False))
    for node in nodes:
        if isinstance(node, ast.Name):
            node.id = mapping.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg = mapping.get(node.arg, node.arg)


def _in_order(node: ast.AST) -> Iterable[ast.AST]:
    """Depth first, in the order of the source."""
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _in_order(child)


def _stored(node: ast.AST) -> Iterable[str]:
    """Names that are assigned in the scope of this node itself."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    if not isinstance(node, _SCOPES):
        for child in ast.iter_child_nodes(node):
            yield from _stored(child)


def _otherwise_bound(nodes: list[ast.AST]) -> set[str]:
    """Names bound by imports, nested functions and exception handlers: rare, and left as they are."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
            found |= {argument.arg for argument in node.args.kwonlyargs}
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
    return found


def _bound(body: Iterable[ast.AST]) -> Iterable[str]:
    """Names that are bound in this scope, also within `if`, `try`, loops and the like."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif not isinstance(node, _SCOPES):
            yield from _bound(ast.iter_child_nodes(node))
