"""The swarm's memory: equal behaviour has equal fingerprints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.novelty.artefact import Query
from experiments.novelty.memory import Tried, fingerprint, memory_evidence, nearest


def _recipe(
    init: str = "sqrt(2/fan_in)", activation: str = "max(x, 0)", lr: str = "1", rate: float = 0.01
) -> Query:
    slots = (("activation", activation), ("init_std", init), ("lr", lr))
    return Query(expressions=slots, settings=(("lr", rate),))


def test_spelling_does_not_matter() -> None:
    other = _recipe("1.41421356*fan_in**-0.5", "(x + abs(x))/2", "2 - 1")
    assert fingerprint(_recipe()) == fingerprint(other)


@pytest.mark.parametrize(
    "other",
    [_recipe(init="sqrt(1/fan_in)"), _recipe(activation="x"), _recipe(lr="1 - t"), _recipe(rate=0.02)],
)
def test_what_matters_shows(other: Query) -> None:
    assert nearest(fingerprint(_recipe()), [Tried(fingerprint(other), "p", "r", 0.0, 0.0)])[0][0] > 1


def test_the_answer_tells_who_and_what_came_out() -> None:
    tried = [
        Tried(fingerprint(_recipe()), "ada", "r7", -0.002, 0.004),
        Tried(fingerprint(_recipe(init="0.1")), "bob", "r8", 0.3, 0.01),
        Tried((1, 2, 3), "eve", "r9", 9.0, 0.0),
    ]
    found = memory_evidence(_recipe("(fan_in/2)**-0.5"), tried)
    assert [item.summary for item in found] == ["tried by ada in run r7, effect -0.002, within seed noise"]
    assert not found[0].flags


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_has_a_fingerprint(init: str, activation: str) -> None:
    assert fingerprint(_recipe(init, activation)) == fingerprint(_recipe(init, activation))
