"""From id prefixes, which is what reconciliation yields, to records of a replica."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from leaderboard.ids import ContentId

from .frames import PACK_BYTES
from .replica import Replica

__all__ = ["above", "first_page", "resolve"]

_AT_ONCE = 32
"""Records read by one query: one by one takes twice as long; what no longer fits a pack is read in vain."""
_SAME_PREFIX = 4
"""Records taken per prefix: two already need a collision in 128 bits."""


def above(prefix: bytes) -> bytes:
    """The least byte string above all that begin with `prefix`; empty if there is none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,)) if stripped else b""


def resolve(replica: Replica, prefixes: Iterable[bytes]) -> list[ContentId]:
    """Ids in the replica that begin with one of `prefixes`, in that order."""
    return [
        content_id
        for prefix in dict.fromkeys(prefixes)
        for content_id in replica.ids_between(prefix, above(prefix), _SAME_PREFIX)
    ]


def first_page(replica: Replica, ids: Iterable[ContentId]) -> tuple[list[bytes], bool]:
    """Envelopes of the first of `ids` up to the size of a pack, and whether any were left out."""
    page: list[bytes] = []
    room, rest = PACK_BYTES, iter(ids)
    while some := list(islice(rest, _AT_ONCE)):
        for envelope in replica.envelopes(some):
            if room <= 0:
                return page, True
            page.append(envelope)
            room -= len(envelope)
    return page, False
