"""Seeds that nobody chose.

An author's seeds follow from the track and its key: one pool for all its claims, so that its own trials
are compared on the same draws and the reference runs once per seed. That makes an author's numbers easy to
overfit, which costs nobody else anything: they never count on the common board. A replicator's seeds follow
from the claim and a secret that its `Accept` committed to and its `Replication` reveals, so the author
cannot try out a claim's replications in advance by varying a byte of the hypothesis.

Not covered: a replicator can draw secrets in private, run them all and publish the one it likes. Nothing in
a set without a clock can prove that it did not; it costs 1/p runs for an outcome of probability p, and the
evidence of any one replicator is capped and must survive its removal (leaderboard.evidence.policy).
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from ..ids import AuthorId, ContentId, TrackId

__all__ = ["author_seeds", "replicator_seeds"]

_AUTHOR_DOMAIN = b"consilience/seeds/author/v1\x00"
_REPLICATOR_DOMAIN = b"consilience/seeds/replicator/v1\x00"


@lru_cache(maxsize=4096)
def author_seeds(track: TrackId, author: AuthorId, n: int) -> tuple[int, ...]:
    """The first `n` 63-bit seeds of the author's own measurements; a shorter run uses a prefix."""
    return _expand(_AUTHOR_DOMAIN + track + author, n)


def replicator_seeds(
    track: TrackId, claim: ContentId, replicator: AuthorId, secret: bytes, n: int
) -> tuple[int, ...]:
    """The first `n` 63-bit seeds of a replication whose accept committed to `secret` (32 bytes)."""
    return _expand(_REPLICATOR_DOMAIN + track + claim + replicator + secret, n)


def _expand(prefix: bytes, n: int) -> tuple[int, ...]:
    """Counter-mode SHA-256: the top 63 bits of H(prefix, i), i as 8 bytes big-endian from 0."""
    digests = (hashlib.sha256(prefix + i.to_bytes(8, "big")).digest() for i in range(n))
    return tuple(int.from_bytes(digest[:8], "big") >> 1 for digest in digests)
