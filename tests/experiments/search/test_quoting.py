"""What strangers wrote stays data, and fits."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from experiments.search.quoting import fill, quoted


@given(st.text(max_size=600))
def test_text_cannot_leave_its_line(text: str) -> None:
    line = quoted("note", {"text": text})
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 2200
    said = json.loads(line)["text"]
    assert said == text or (said.endswith("...") and text.startswith(said[:-3]))


def test_numbers_are_short() -> None:
    assert quoted("t", {"effect": 1.23456789, "seeds": 3}) == '{"kind": "t", "effect": 1.235, "seeds": 3}'


def test_no_group_starves_another() -> None:
    long, short = [f"long line {n}" for n in range(1000)], ["one", "two"]
    first, second = fill([iter(long), iter(short)], room=100)
    assert second == short
    assert 3 < len(first) < 10
    assert sum(len(line) + 1 for line in first + second) <= 100


def test_a_line_that_does_not_fit_ends_its_group_only() -> None:
    assert fill([iter(["x" * 50]), iter(["a", "b"])], room=10) == [[], ["a", "b"]]
