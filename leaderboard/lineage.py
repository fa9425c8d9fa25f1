"""Credit: who made a confirmed result possible, computed from records and never claimed.

Each confirmed claim is worth one unit. Its replicators share `TO_REPLICATORS` of it in proportion to the
seeds that count, because without them it would be a rumour. Of the rest the author keeps what its claim
added: a claim without parents keeps all; one with parents passes `TO_PARENTS` of the rest on, in equal parts,
and each parent's author in turn keeps its own part and passes on, so that ancestors fade geometrically.
A parent counts only if it was itself confirmed (naming a famous claim costs nothing and earns it nothing it
does not deserve; naming one's own rubbish earns nothing), and what would go to an unconfirmed parent stays
with the author. Content ids make cycles impossible, and an ancestor that is reached by several paths is paid
by each.

The shares are conventions, not measurements. Not covered: ideas taken without being named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from .board.rows import ClaimView
from .evidence.standing import Standing
from .ids import AuthorId, ContentId

__all__ = ["TO_PARENTS", "TO_REPLICATORS", "Credit", "credit_for"]

TO_REPLICATORS = Fraction(1, 4)
TO_PARENTS = Fraction(1, 3)
MAX_GENERATIONS = 12
"""Generations that are paid; beyond, less than a millionth of the unit is left (3^-12)."""

Lookup: TypeAlias = "Callable[[ContentId], ClaimView | None]"
"""The view of a claim, or None if it is not in the set."""


@dataclass(frozen=True, slots=True)
class Credit:
    """One author's part of one confirmed claim."""

    author: AuthorId
    share: Fraction
    roles: tuple[str, ...]
    """Any of `author`, `parent`, `replicator`."""


def credit_for(view: ClaimView, lookup: Lookup) -> tuple[Credit, ...]:
    """How one confirmed claim's unit is divided, greatest share first; nothing for any other claim."""
    if view.standing is not Standing.CONFIRMED:
        return ()
    shares: dict[AuthorId, Fraction] = {}
    roles: dict[AuthorId, set[str]] = {}
    rest = Fraction(1)
    for author, part in _replicator_parts(view).items():
        _pay(shares, roles, author, TO_REPLICATORS * part, "replicator")
        rest -= TO_REPLICATORS * part
    generation = {view.id: (view, rest)}
    for number in range(MAX_GENERATIONS):
        following: dict[ContentId, tuple[ClaimView, Fraction]] = {}
        for claim, value in generation.values():
            parents = _confirmed_parents(claim, lookup) if number + 1 < MAX_GENERATIONS else []
            passed = TO_PARENTS * value if parents else Fraction(0)
            _pay(shares, roles, claim.author, value - passed, "parent" if number else "author")
            for parent in parents:
                before = following[parent.id][1] if parent.id in following else Fraction(0)
                following[parent.id] = (parent, before + passed / len(parents))
        generation = following
    found = [Credit(author, share, tuple(sorted(roles[author]))) for author, share in shares.items()]
    return tuple(sorted(found, key=lambda credit: (-credit.share, credit.author)))


def _confirmed_parents(view: ClaimView, lookup: Lookup) -> list[ClaimView]:
    known = (lookup(parent) for parent in view.claim.parents)
    return [parent for parent in known if parent is not None and parent.standing is Standing.CONFIRMED]


def _replicator_parts(view: ClaimView) -> dict[AuthorId, Fraction]:
    delivered = {share.author: share.delivered for share in view.evidence.shares if share.counts}
    total = sum(delivered.values())
    return {author: Fraction(seeds, total) for author, seeds in delivered.items() if seeds}


def _pay(
    shares: dict[AuthorId, Fraction],
    roles: dict[AuthorId, set[str]],
    author: AuthorId,
    part: Fraction,
    role: str,
) -> None:
    shares[author] = shares.get(author, Fraction(0)) + part
    roles.setdefault(author, set()).add(role)
