"""Code and diffs: what they do when run, how they are written, and which settings they move.

A diff speaks of what it adds: behaviour is that of the new side where it differs from the old one, structure
counts only if it was not there before.  A diff of nothing but numbers is tuning.
"""

from __future__ import annotations

import ast

from .catalogue import Catalogue
from .roles.parts import play
from .structure.idioms import match_idioms, read_source_terms
from .structure.settings import Move, moves_in_diff
from .structure.source import Source, read_source
from .verdict import Channel, Evidence, Relation

__all__ = ["program_evidence", "tuning_of"]

_CERTAIN = 8.0  # weight of a rule from which its score no longer rises; see `idioms.Idiom.weight`
_TELLING = 3.0  # weight from which a rule speaks for itself; set on development programs
_SMALL = 120  # syntax nodes: in so little code one telling name is what the code is about
_MAX_IDIOMS = 5


def program_evidence(code: str, claim: str, catalogue: Catalogue) -> list[Evidence]:
    """Evidence from code or a diff; nothing if it cannot be read as Python."""
    moves, only_settings = _moves(code)
    if only_settings:
        return moves
    source = read_source(code)
    if source is None:
        return moves
    return [*_behaviour(source, claim), *_structure(source, catalogue), *moves]


def _behaviour(source: Source, claim: str) -> list[Evidence]:
    after = play(source.after, claim)
    if source.before is None or not source.before.body:
        return after
    before = {(item.technique, item.relation, item.what_differs) for item in play(source.before, claim)}
    return [item for item in after if (item.technique, item.relation, item.what_differs) not in before]


def _structure(source: Source, catalogue: Catalogue) -> list[Evidence]:
    """Rules that hold; one that asks for little, or for a mere name in much code, is only a hint (near)."""
    small = source.before is not None or len(list(ast.walk(source.after))) <= _SMALL
    found = []
    for rule in match_idioms(*read_source_terms(source))[:_MAX_IDIOMS]:
        if catalogue.lookup(rule.technique) is None:
            continue
        telling = not rule.hint and (rule.weight >= _TELLING or (small and rule.calls_only))
        relation = Relation.EQUAL if telling else Relation.NEAR
        score = 0.5 + 0.4 * min(rule.weight, _CERTAIN) / _CERTAIN if telling else 0.3
        summary = f"the code has the form of {rule.technique} (rule at line {rule.line} of idioms.txt)"
        numbers = (("rule weight", rule.weight),)
        found.append(Evidence(Channel.STRUCTURE, relation, rule.technique, score, summary, numbers))
    return found


def _moves(code: str) -> tuple[list[Evidence], bool]:
    """Tuning evidence from the changed lines of a diff, and whether nothing else changed."""
    lines = code.splitlines()
    added = [line[1:] for line in lines if line.startswith("+") and not line.startswith("+++")]
    removed = [line[1:] for line in lines if line.startswith("-") and not line.startswith("---")]
    if not added or not removed:
        return [], False
    moves, pure = moves_in_diff(removed, added)
    return [tuning_of(move) for move in moves], pure


def tuning_of(move: Move) -> Evidence:
    """A move of a setting as evidence."""
    return Evidence(
        Channel.STRUCTURE,
        Relation.TUNING,
        move.technique,
        0.95,
        f"the change moves {move.words}",
        (("before", move.before), ("after", move.after)),
        gain=move.ratio,
        what_differs=move.words,
    )
