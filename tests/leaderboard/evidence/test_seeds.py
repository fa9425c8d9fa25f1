"""Derived seeds: fixed for ever, different for everyone, prefixes of one another."""

from __future__ import annotations

from leaderboard.evidence.seeds import author_seeds, replicator_seeds
from leaderboard.ids import AuthorId, ContentId, TrackId
from leaderboard.measurement import MAX_SEED_VALUE

TRACK, CLAIM, AUTHOR = TrackId(b"t" * 32), ContentId(b"c" * 32), AuthorId(b"a" * 32)


def test_are_what_the_specification_says() -> None:
    """Counter-mode SHA-256; these numbers may never change, or old records stop being valid."""
    assert author_seeds(TRACK, AUTHOR, 2) == (9858451319125875, 728362443191822044)
    assert replicator_seeds(TRACK, CLAIM, AUTHOR, b"s" * 32, 1) == (7476673213857919334,)


def test_shorter_runs_are_prefixes() -> None:
    assert author_seeds(TRACK, AUTHOR, 9)[:4] == author_seeds(TRACK, AUTHOR, 4)


def test_everything_matters_and_seeds_fit() -> None:
    drawn = [
        *author_seeds(TRACK, AUTHOR, 50),
        *author_seeds(TrackId(b"u" * 32), AUTHOR, 50),
        *author_seeds(TRACK, AuthorId(b"b" * 32), 50),
        *replicator_seeds(TRACK, ContentId(b"d" * 32), AUTHOR, b"s" * 32, 50),
        *replicator_seeds(TRACK, CLAIM, AUTHOR, b"s" * 32, 50),
        *replicator_seeds(TRACK, CLAIM, AUTHOR, b"r" * 32, 50),
    ]
    assert len(set(drawn)) == len(drawn)
    assert all(0 <= seed <= MAX_SEED_VALUE for seed in drawn)
