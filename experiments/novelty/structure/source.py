"""From what people paste (code, a fenced block, a unified diff, a fragment) to syntax trees.

A diff has two sides; each is parsed on its own, so that what changed can be told from what stayed.  Fragments
are dedented, and where a text as a whole is not Python, the longest runs of lines that are, are kept.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from dataclasses import dataclass

__all__ = ["Source", "looks_like_code", "read_source"]

_MAX_TEXT = 60_000  # characters
_MAX_LINES = 1_500
_MAX_NODES = 20_000
_FENCE = re.compile(r"```[\w+-]*\n(.*?)```", re.S)
_DIFF_LINE = re.compile(r"^[+-](?![+-]{2})")
_DIFF_HEAD = re.compile(r"^(diff --git|index [0-9a-f]+|--- |\+\+\+ |@@ )")
_CODE_SIGNS = re.compile(
    r"(^\s*(def|class|import|from|for|return|with)\b.*|\w\s*[-+*/]?=\s*\S|\w\(.*\)\s*$|^\s*@\w)", re.M
)


@dataclass(frozen=True, slots=True)
class Source:
    """Parsed code.  `before` is None unless the text was a diff; `added` and `removed` are its raw lines."""

    after: ast.Module
    before: ast.Module | None = None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    text: str = ""


def read_source(text: str) -> Source | None:
    """Parse pasted code; None if nothing in it is Python of a bearable size."""
    text = _unfenced(text[:_MAX_TEXT].replace("\r\n", "\n").replace("\t", "    "))
    lines = text.split("\n")[:_MAX_LINES]
    if not _is_diff(lines):
        tree = _parse(lines)
        return Source(tree, text=text) if tree is not None and tree.body else None
    body = [line for line in lines if not _DIFF_HEAD.match(line)]
    added = [line[1:] for line in body if line.startswith("+")]
    removed = [line[1:] for line in body if line.startswith("-")]
    shift = all(line.startswith((" ", "+", "-")) for line in body if line.strip())
    kept = [line if line.startswith(("+", "-")) or shift else f" {line}" for line in body]
    after = _parse([line[1:] for line in kept if not line.startswith("-")])
    before = _parse([line[1:] for line in kept if not line.startswith("+")])
    if after is None:
        return None
    return Source(after, before or ast.Module([], []), tuple(added), tuple(removed), text)


def looks_like_code(text: str) -> bool:
    """Whether a text that could be prose is code: it parses, and most of its lines show it."""
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines or len(text) > _MAX_TEXT:
        return False
    if any(_DIFF_HEAD.match(line) for line in lines) or "```" in text:
        return True
    signs = sum(bool(_CODE_SIGNS.search(line)) for line in lines)
    return signs >= 0.6 * len(lines) and _parsed("\n".join(lines)) is not None


def _unfenced(text: str) -> str:
    blocks = _FENCE.findall(text)
    return "\n".join(blocks) if blocks else text


def _is_diff(lines: list[str]) -> bool:
    if any(_DIFF_HEAD.match(line) for line in lines):
        return True
    marked = [line for line in lines if _DIFF_LINE.match(line)]
    return bool(marked) and (len(marked) == sum(bool(line.strip()) for line in lines) or len(marked) >= 2)


def _parse(lines: list[str]) -> ast.Module | None:
    """The lines as a module; failing that, the statements of the longest runs of lines that parse."""
    whole = _parsed(textwrap.dedent("\n".join(lines)))
    if whole is not None:
        return whole
    statements: list[ast.stmt] = []
    start = 0
    while start < len(lines):
        tree, length = _longest(lines, start)
        if tree is not None:
            statements += tree.body
        start += length
    return ast.Module(statements, []) if statements else None


def _longest(lines: list[str], start: int) -> tuple[ast.Module | None, int]:
    """The longest parsing run from `start` among the next 60 lines, and how far it went (at least 1)."""
    for end in range(min(len(lines), start + 60), start, -1):
        if not lines[end - 1].strip():
            continue
        tree = _parsed(textwrap.dedent("\n".join(lines[start:end])))
        if tree is not None:
            return tree, end - start
    return _completed(lines[start]), 1


def _completed(line: str) -> ast.Module | None:
    """A lone header (`def f(x):`, `if a:`) carries nothing; a lone `return v` or keyword line does."""
    text = line.strip().rstrip(",")
    return _parsed(text) if text and not text.startswith("#") else None


def _parsed(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd escapes in strangers' strings
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if sum(1 for _ in ast.walk(tree)) <= _MAX_NODES else None
