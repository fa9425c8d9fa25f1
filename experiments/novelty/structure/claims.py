"""Formulae inside prose: "scale each matrix by sqrt(2 / fan_in)" holds one that can be evaluated.

A run of tokens counts where every word in it is a function, a known variable or a single letter, it has an
operator, and it reads as an expression.  English words end a run, so a sentence rarely yields more than what
its author meant.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from .formula import CONSTANTS, FUNCTIONS, Formula, FormulaError, parse_formula

__all__ = ["formulas_in"]

_TOKEN = re.compile(
    r"[A-Za-z_][\w.]*(?:\[-?\d\])?|\d+\.?\d*(?:[eE]-?\d+)?|\.\d+|\*\*|<=|>=|[-+*/^(),=<>√²³π·×−]|\s+|."
)
_WORD = re.compile(r"[A-Za-z_]")
_OPERATOR = re.compile(r"[-+*/^√²(]")
_JOINING_WORDS = "times over plus minus divided multiplied per squared cubed of power"
_JOINING = frozenset(_JOINING_WORDS.split())
_MAX_RUNS = 40  # tried in one text
_MAX_TEXT = 8_000  # characters looked at


def formulas_in(text: str, variables: Collection[str]) -> list[Formula]:
    """Formulae in a text that use at least one of the variables (or single letters), longest first."""
    known = {name.lower() for name in variables}
    found: dict[str, Formula] = {}
    for at, run in enumerate(_runs(text[:_MAX_TEXT], known)):
        if at >= _MAX_RUNS:
            break
        try:
            formula = parse_formula(run)
        except FormulaError:
            continue
        if formula.names:
            found.setdefault(run, formula)
    return sorted(found.values(), key=lambda formula: -len(formula.text))


def _runs(text: str, known: Collection[str]) -> Iterator[str]:
    run: list[str] = []
    before = ""
    for token in [*_TOKEN.findall(text), "\0"]:
        if _belongs(token, known):
            run.append(token)
            continue
        # "x times clip(x + 3, 0, 6)": words join the run to something that cannot be read.
        if not _joined(before) and token.lower() not in _JOINING:
            yield from _trimmed("".join(run))
        before, run = f"{before} {token}".lower()[-40:], []


def _joined(before: str) -> bool:
    """Whether the words before a run make it a part of something: "over", "divided by"."""
    words = before.split()[-2:]
    return bool(words) and (words[-1] in _JOINING or (words[-1] == "by" and words[0] in _JOINING))


def _belongs(token: str, known: Collection[str]) -> bool:
    if token.isspace():
        return "\n" not in token
    if not _WORD.match(token):
        return bool(re.match(r"[\d.]+(?:[eE]-?\d+)?$|\*\*|<=|>=|[-+*/^(),=<>√²³π·×−]$", token))
    last = token.rpartition(".")[2].lower()
    bare = re.sub(r"\[-?\d\]$", "", token)
    if ".shape" in token:
        return True
    return (
        last in FUNCTIONS
        or bare in CONSTANTS
        or bare.lower() in known
        or (len(bare) == 1 and bare not in "aAI")
    )


def _trimmed(run: str) -> Iterator[str]:
    """The run without loose ends, if it still says something; both sides of an equation are tried."""
    for part in (run, run.partition("=")[2]):
        text = part.strip().strip(",=*/+^<> ").strip()
        while text.count("(") > text.count(")") and text.startswith("("):
            text = text[1:].strip()
        while text.count(")") > text.count("(") and text.endswith(")"):
            text = text[:-1].strip()
        if len(text) > 2 and _OPERATOR.search(text) and _WORD.search(text):
            yield text
