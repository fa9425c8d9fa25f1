"""Coded symbols: exact for any two sets, cheap for any sender."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossip.proto.riblt import MAX_SYMBOLS, SYMBOL_BYTES, Keys, Sketch, Symbols, as_words, difference
from leaderboard.errors import PeerError
from leaderboard.ids import SwarmId

KEYS = Keys.of(SwarmId(b"k" * 32))


def prefixes(labels: Any) -> list[bytes]:
    return [hashlib.sha256(b"%d" % label).digest()[:16] for label in labels]


def sketch(items: list[bytes], length: int = MAX_SYMBOLS) -> Sketch:
    made = Sketch(KEYS, length)
    made.add(as_words(b"".join(items)))
    return made


def decode(ours: list[bytes], theirs: list[bytes], count: int) -> Any:
    wire = sketch(theirs).symbols().wire(0, count)
    return difference(KEYS, sketch(ours).symbols(), Symbols.empty().extended(wire))


SETS = st.sets(st.integers(0, 500), max_size=60)


@given(ours=SETS, theirs=SETS)
@settings(deadline=None, max_examples=60)
def test_enough_symbols_give_exactly_the_difference(ours: set[int], theirs: set[int]) -> None:
    found = decode(prefixes(ours), prefixes(theirs), 1024)
    assert found.complete
    assert set(found.theirs) == set(prefixes(theirs - ours))
    assert set(found.ours) == set(prefixes(ours - theirs))


@given(ours=SETS, theirs=SETS, count=st.integers(1, 40))
@settings(deadline=None, max_examples=60)
def test_too_few_symbols_give_a_part_and_never_an_error(ours: set[int], theirs: set[int], count: int) -> None:
    found = decode(prefixes(ours), prefixes(theirs), count)
    assert set(found.theirs) <= set(prefixes(theirs - ours))
    assert set(found.ours) <= set(prefixes(ours - theirs))


@given(ours=SETS, theirs=SETS, count=st.integers(1, 40))
@settings(deadline=None, max_examples=60)
def test_decoding_goes_on_from_what_fewer_symbols_gave(ours: set[int], theirs: set[int], count: int) -> None:
    mine, other = sketch(prefixes(ours)).symbols(), sketch(prefixes(theirs)).symbols()
    first = difference(KEYS, mine, Symbols.empty().extended(other.wire(0, count)))
    more = Symbols.empty().extended(other.wire(0, 1024))
    found, whole = difference(KEYS, mine, more, first), difference(KEYS, mine, more)
    assert found.complete
    assert set(found.theirs) == set(whole.theirs)
    assert set(found.ours) == set(whole.ours)


@given(items=st.lists(st.integers(0, 500), unique=True, max_size=60), cut=st.integers(0, 60))
@settings(deadline=None, max_examples=40)
def test_a_sketch_does_not_depend_on_how_it_was_filled(items: list[int], cut: int) -> None:
    whole = sketch(prefixes(items), 256)
    parts = sketch(prefixes(items[:cut]), 256)
    parts.add(as_words(b"".join(prefixes(reversed(items[cut:])))))
    assert whole.symbols().wire(0, 256) == parts.symbols().wire(0, 256)


def test_a_snapshot_is_not_touched_by_later_additions() -> None:
    grown = sketch(prefixes(range(10)), 64)
    before = grown.symbols()
    wire = before.wire(0, 64)
    grown.add(as_words(prefixes([11])[0]))
    assert before.wire(0, 64) == wire
    assert grown.symbols() is grown.symbols()


@pytest.mark.parametrize("count", [300, 1000])
def test_symbols_per_difference_are_those_of_the_paper(count: int) -> None:
    """1.35 to 1.4 for large differences (arXiv 2402.02668, figure 4)."""
    items = prefixes(range(count))
    needed = next(size for size in range(count, 3 * count, 10) if decode([], items, size).complete)
    assert needed / count < 1.6


def test_other_keys_see_noise() -> None:
    other = Keys.of(SwarmId(b"o" * 32))
    theirs = Sketch(other, 64)
    theirs.add(as_words(b"".join(prefixes(range(5)))))
    found = difference(KEYS, Sketch(KEYS, 64).symbols(), theirs.symbols())
    assert not found.complete
    assert not found.theirs


@pytest.mark.parametrize(
    "data", [b"", b"x", bytes(SYMBOL_BYTES + 1), bytes(SYMBOL_BYTES * (MAX_SYMBOLS + 1))]
)
def test_symbols_that_are_not_whole_are_refused(data: bytes) -> None:
    with pytest.raises(PeerError):
        Symbols.empty().extended(data)


def test_a_table_that_frees_one_item_at_a_time_is_cut_short() -> None:
    """The worst a sender can do: each round of peeling uncovers just one more item."""
    size = 2048
    items = prefixes(range(size))
    words = as_words(b"".join(items))
    checks = KEYS.checks(words)
    chain = np.bitwise_xor.accumulate(words, axis=0)
    sums = np.bitwise_xor.accumulate(checks)
    symbols = Symbols(chain[::-1].copy(), sums[::-1].copy(), np.arange(size, 0, -1))
    started = time.process_time()
    difference(KEYS, Sketch(KEYS, size).symbols(), symbols)
    assert time.process_time() - started < 1.0
