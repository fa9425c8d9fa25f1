"""Code and diffs: what they do when run, how they are written, and which settings they move.

A diff speaks of what it adds: behaviour is that of the new side where it differs from the old one, structure
counts only if it was not there before.  A diff of nothing but numbers is tuning.
"""

from __future__ import annotations

import ast

from .catalogue import Catalogue
from .roles.parts import play
from .structure.idioms import Idiom, match_idioms, read_source_terms
from .structure.settings import Move, moves_in_diff
from .structure.source import Source, read_source
from .structure.tables import known_tables
from .verdict import Channel, Evidence, Relation

__all__ = ["program_evidence", "tuning_of"]

_CERTAIN = 8.0  # weight of a rule from which its score no longer rises; see `idioms.Idiom.weight`
_TELLING = ((3.0, 0.9), (4.0, 0.55), (5.0, 0.42), (7.0, 0.3))
"""(weight, share of the code's operations) from which a rule speaks for itself.  Set on a stranger's code:
of the rules that matched a part of something else, four in five fall below it."""
_FEW = 6  # operations: in so little code one telling name is what the code is about
_MAX_IDIOMS = 5
_OPERATIONS = (
    ast.BinOp,
    ast.Call,
    ast.Compare,
    ast.Subscript,
    ast.AugAssign,
    ast.UnaryOp,
    ast.IfExp,
    ast.If,
    ast.For,
)


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
    """Rules that hold; one that explains little of the code, or a name in much code, is a hint (near)."""
    operations = _operations(source.after)
    if source.before is not None:
        operations -= _operations(source.before)
    found = [_of_table(technique) for technique in known_tables(source.after)]
    for rule in match_idioms(*read_source_terms(source))[:_MAX_IDIOMS]:
        if catalogue.lookup(rule.technique) is None:
            continue
        telling = not rule.hint and _telling(rule, operations, is_diff=source.before is not None)
        relation = Relation.EQUAL if telling else Relation.NEAR
        score = 0.5 + 0.4 * min(rule.weight, _CERTAIN) / _CERTAIN if telling else 0.3
        summary = f"the code has the form of {rule.technique} (rule at line {rule.line} of idioms.txt)"
        numbers = (("rule weight", rule.weight), ("operations", float(max(operations, 0))))
        found.append(Evidence(Channel.STRUCTURE, relation, rule.technique, score, summary, numbers))
    return found


def _of_table(technique: str) -> Evidence:
    summary = f"the code holds the table of numbers of {technique}"
    return Evidence(Channel.STRUCTURE, Relation.EQUAL, technique, 0.9, summary)


def _telling(rule: Idiom, operations: int, *, is_diff: bool) -> bool:
    """Whether the rule explains the code, and not a part of something else."""
    if rule.calls_only:
        return is_diff or operations <= _FEW
    return any(rule.weight >= least and rule.weight >= share * operations for least, share in _TELLING)


def _operations(tree: ast.Module) -> int:
    """How much the code does: operators, calls, subscripts, branches and loops."""
    return sum(isinstance(node, _OPERATIONS) for node in ast.walk(tree))


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
