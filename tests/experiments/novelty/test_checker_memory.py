"""The swarm's memory: equal behaviour has equal fingerprints."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.novelty.artefact import Query
from experiments.novelty.memory import Memory, Tried, fingerprint, memory_evidence, nearest
from leaderboard.errors import PeerError


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
    assert memory_evidence(_recipe(), [Tried(fingerprint(other), "p", "r", 0.0, 0.0)]) == []


def test_neighbours_are_told_with_their_distance_and_strangers_are_not() -> None:
    own = fingerprint(_recipe())
    near = (own[0] + 3, *own[1:])
    far = (own[0] + 9, *own[1:])
    found = nearest(own, [Tried(far, "p", "far", 0.0, 0.0), Tried(near, "p", "near", 0.0, 0.0)])
    assert [(gap, tried.run) for gap, tried in found] == [(3, "near")]


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


def _told(run: str, init: str) -> dict[str, object]:
    query = _recipe(init=init)
    parts = {"expressions": dict(query.expressions), "settings": dict(query.settings)}
    return {"track": "deep-mlp", "run": run, "peer": "ada", "effect": 0.1, "noise": 0.2, **parts}


def test_a_memory_answers_for_its_track_when_asked() -> None:
    memory = Memory()
    assert memory.learn([_told("r1", "sqrt(2/fan_in)"), _told("r2", "0.1")]) == 2
    assert memory.learn([_told("r1", "sqrt(2/fan_in)")]) == 1
    query = replace(_recipe("(fan_in/2)**-0.5"), track="deep-mlp", recall=True)
    assert [item.mode for item in memory.evidence(query)] == ["r1"]
    assert memory.evidence(replace(query, recall=False)) == []
    assert memory.evidence(replace(query, track="other")) == []


@pytest.mark.parametrize(
    "trials",
    ["x", [1], [{}], [_told("r", "1") | {"peer": 3}], [_told("r", "1") | {"effect": float("nan")}]],
)
def test_odd_trials_are_peer_errors(trials: object) -> None:
    with pytest.raises(PeerError):
        Memory().learn(trials)


def test_slots_that_cannot_be_run_are_told_apart_by_their_text() -> None:
    one, other, same = (
        replace(_recipe(), expressions=(*_recipe().expressions, ("update", text)))
        for text in ("g", "m", " g ")
    )
    assert nearest(fingerprint(one), [Tried(fingerprint(other), "p", "r", 0.0, 0.0)]) == []
    assert fingerprint(one) == fingerprint(same)
