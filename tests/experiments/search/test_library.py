"""The library is complete, free of duplicates, plain first, and knows no subject."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest

from experiments.expr import parse
from experiments.search.evolution import Evolution
from experiments.search.library import LARGEST, Library
from experiments.search.proposer import Briefing
from experiments.search.region import Region, fingerprints
from experiments.tracks.deep_mlp import track as deep_mlp


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(Region.of(deep_mlp().space.slot("init_std")))


def test_each_behaviour_once_and_in_range(library: Library) -> None:
    assert len({entry.fingerprint for entry in library.entries}) == len(library.entries)
    region = Region.of(deep_mlp().space.slot("init_std"))
    assert all(region.sensible(entry.table) for entry in library.entries)
    assert max(entry.expr.size for entry in library.entries) == LARGEST


def test_shorter_spellings_come_first(library: Library) -> None:
    assert all(a.expr.size <= b.expr.size for a, b in pairwise(library.entries))


def test_every_short_law_is_there_not_only_some(library: Library) -> None:
    """One numerator and one variable are as good as any other."""
    region = Region.of(deep_mlp().space.slot("init_std"))
    known = {entry.fingerprint for entry in library.entries}
    for variable in ("fan_in", "fan_out"):
        for number in range(1, 10):
            for text in (f"sqrt({number}/{variable})", f"{number}/{variable}", f"log({variable})/{number}"):
                table = region.values(parse(text, region.variables))
                assert fingerprints(table[None])[0] in known, text


def test_the_first_proposal_favours_no_law() -> None:
    """Over many beginnings no proposal is frequent, so nothing was put in front."""
    briefing = Briefing(deep_mlp())
    laws = Counter()
    for seed in range(60):
        proposal = Evolution().choose(briefing, random.Random(seed))
        assert proposal is not None
        laws[proposal.recipe.slot("init_std")] += 1
    (_, most), *_ = laws.most_common(1)
    assert most <= 12
    assert not any("2/fan_" in law for law in laws)
