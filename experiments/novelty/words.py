"""What a claim's own words contain besides prose: formulae, code and moves of settings.

A formula is probed as what its variables make it: fans make an initialiser's law, `x` an activation, a step
and a horizon a schedule.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .probes.init_laws import Layer
from .roles.curves import as_schedule
from .slots import INIT_NAMES, init_roles, probe_slot
from .structure.claims import formulas_in
from .structure.code.candidates import candidates
from .structure.formula import Formula, FormulaError, parse_formula
from .structure.settings import moves_in_words
from .verdict import Channel, Evidence, Relation

__all__ = ["formula_evidence", "reads_as_formula", "tuning_evidence"]

_FANS = frozenset().union(*INIT_NAMES.values())
_TIMES = frozenset(
    {"step", "steps", "total", "total_steps", "epoch", "epochs", "warmup", "warmup_steps", "t", "T"}
)
_RATES = frozenset(
    {"lr", "base_lr", "lr_max", "lr_min", "max_lr", "min_lr", "lr0", "eta", "eta_min", "eta_max"}
)
_INPUTS = frozenset({"x", "z", "u"})
_VARIABLES = _FANS | _TIMES | _RATES | _INPUTS
_MAX_FORMULAS = 4
_MOST_LAW = 80  # characters
_NORMAL = re.compile(r"(?:\b(?:N|[Nn]ormal|[Gg]aussian)|\U0001d4a9)\s*\(\s*0(?:\.0*)?\s*,\s*")
_VARIANCE = re.compile(r"\bvariance\s+(?:of\s+|is\s+|=\s*|equal to\s+)?(?=[\d(])", re.I)
_ROOT = re.compile(r"sqrt|\*\*\s*-?\(?0?\.5|\^\s*-?\(?0?\.5|\*\*\s*\(?-?1/2|\^\s*\(?-?1/2|\u221a|std", re.I)


def formula_evidence(claim: str, layers: Sequence[Layer]) -> list[Evidence]:
    """Evidence from the formulae in a claim, the longest few."""
    found: list[Evidence] = []
    for law in list(_spreads(claim))[:_MAX_FORMULAS]:
        found += probe_slot("init_std", law, layers)
    for formula in [] if found else formulas_in(claim, _VARIABLES)[:_MAX_FORMULAS]:
        found += _probe(formula, claim.lower(), layers)
    shown = [item for item in found if item.relation is not Relation.NOT_PROBED]
    return shown if reads_as_formula(claim) else [_told(item) for item in shown]


def _spreads(claim: str) -> Iterator[str]:
    """Laws of the spread of random weights in a claim: `N(0, 2/n_in)`, "variance 2/fan_in".

    The second argument of a normal law is its variance, unless it is written as a root.
    """
    for found in _NORMAL.finditer(claim):
        inner = _balanced(claim[found.end() : found.end() + _MOST_LAW])
        if _of_fans(inner):
            yield inner if _ROOT.search(inner) else f"variance = {inner}"
    for found in _VARIANCE.finditer(claim):
        rest = claim[found.end() : found.end() + _MOST_LAW]
        for formula in formulas_in(rest, _FANS)[:1]:
            if rest.startswith(formula.text):
                yield f"variance = {formula.text}"


def _of_fans(text: str) -> bool:
    """Whether a text is a formula of the sizes of a layer; other normal laws are noise of some kind."""
    try:
        names = parse_formula(text).names
    except FormulaError:
        return False
    return bool(_FANS.intersection(names)) and init_roles(names) is not None


def _balanced(text: str) -> str:
    """What stands before the bracket that closes; nothing if none does."""
    open_brackets = 1
    for at, character in enumerate(text):
        open_brackets += (character == "(") - (character == ")")
        if open_brackets == 0:
            return text[:at].strip()
    return ""


def _told(item: Evidence) -> Evidence:
    """A formula inside prose is what the words say, not a measured artefact: its equality is structure."""
    score = 0.65 if item.flags else 0.0
    return replace(item, channel=Channel.STRUCTURE, score=score, summary=f"in the claim: {item.summary}")


def reads_as_formula(claim: str) -> bool:
    """Whether a claim is one formula and nothing else."""
    try:
        return bool(parse_formula(claim).names) and len(claim.split("\n")) == 1
    except FormulaError:
        return False


def tuning_evidence(claim: str) -> list[Evidence]:
    """Moves of settings that the claim tells with both values."""
    return [
        Evidence(
            Channel.STRUCTURE,
            Relation.TUNING,
            move.technique,
            0.8,
            f"the claim moves {move.words}",
            (("before", move.before), ("after", move.after)),
            gain=move.ratio,
            what_differs=move.words,
        )
        for move in moves_in_words(claim)
    ]


def _probe(formula: Formula, claim: str, layers: Sequence[Layer]) -> tuple[Evidence, ...]:
    names = set(formula.names)
    about_rates = any(word in claim for word in ("learning rate", "schedule", "lr", "warm", "anneal"))
    about_init = any(word in claim for word in ("init", "weight", "variance", "std", "fan", "scale"))
    if names <= _INPUTS and len(names) == 1:
        return probe_slot("activation", formula.text)
    bare = names <= {"t", "T"} and len(claim) > 2 * len(formula.text)  # in prose, t is a share of anything
    if names & (_TIMES | _RATES) and not (names & _FANS) and (about_rates or not (about_init or bare)):
        return as_schedule(candidates(ast.parse(f"y = {_python(formula.text)}"))[0])
    if init_roles(formula.names) is not None and (about_init or names & _FANS):
        return probe_slot("init_std", formula.text, layers)
    return ()


def _python(text: str) -> str:
    return text.partition("=")[2] if "=" in text and "==" not in text else text
