"""The lattice of verdicts, what people read, and the payload of a Finding."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.novelty.payload import from_payload, to_payload
from experiments.novelty.verdict import (
    FLAGS,
    Candidate,
    Channel,
    Evidence,
    Known,
    Relation,
    Strength,
    Verdict,
)
from leaderboard.errors import PeerError

HE = Known("kaiming_init", "Kaiming initialization", ("He init",), 2015, "Delving Deep", "torch.nn.init")
PLAIN = Verdict(Relation.EQUAL, "v1", 500, HE, Strength.CONFIRMED, 1.0, "fan_in", 1.0)

texts = st.text(max_size=40)
numbers = st.floats(allow_nan=False, allow_infinity=False)
knowns = st.builds(
    Known,
    texts,
    texts,
    st.lists(texts, max_size=3).map(tuple),
    st.integers(1700, 2100) | st.none(),
    texts,
    texts,
)
evidence = st.builds(
    Evidence,
    st.sampled_from(Channel),
    st.sampled_from(Relation),
    texts,
    numbers,
    texts,
    st.lists(st.tuples(texts, numbers), max_size=3).map(tuple),
    texts,
    numbers | st.none(),
    texts,
    st.lists(texts, max_size=2).map(tuple),
)
verdicts = st.builds(
    Verdict,
    st.sampled_from(Relation),
    texts,
    st.integers(0, 10_000),
    knowns | st.none(),
    st.sampled_from(Strength) | st.none(),
    numbers,
    texts,
    numbers | st.none(),
    texts,
    st.lists(knowns, max_size=2).map(tuple),
    st.lists(st.builds(Candidate, texts, texts, numbers), max_size=5).map(tuple),
    st.lists(evidence, max_size=3).map(tuple),
)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(verdicts)
def test_payload_round_trip(verdict: Verdict) -> None:
    assert from_payload(to_payload(verdict)) == verdict


@given(verdicts, st.data())
def test_a_damaged_payload_is_a_peer_error_and_nothing_else(verdict: Verdict, data: st.DataObject) -> None:
    payload = to_payload(verdict)
    payload[data.draw(st.sampled_from(sorted(payload)))] = data.draw(junk)
    try:
        assert isinstance(from_payload(payload), Verdict)
    except PeerError:
        return  # the one way to refuse; any other exception fails the test


@given(junk)
def test_garbage_is_a_peer_error(garbage: object) -> None:
    with pytest.raises(PeerError):
        from_payload(garbage)


def test_a_payload_holds_no_nan() -> None:
    payload = to_payload(replace(PLAIN, score=float("nan"), gain=-0.0))
    assert payload["score"] == 0.0
    assert str(payload["gain"]) == "0.0"


@pytest.mark.parametrize(
    ("verdict", "label", "headline"),
    [
        (PLAIN, "rediscovery", "rediscovery of Kaiming initialization (fan_in)"),
        (
            replace(PLAIN, relation=Relation.REPARAMETRISATION, gain=1.3),
            "variant",
            "variant of Kaiming initialization (fan_in, gain 1.30x)",
        ),
        (
            replace(PLAIN, relation=Relation.TUNING, technique=Known("lr", "learning rate"), gain=2.0),
            "tuning",
            "tuning: learning rate, 2x the baseline",
        ),
        (replace(PLAIN, relation=Relation.NEAR), "unmatched", "no match among 500 techniques"),
        (
            replace(PLAIN, relation=Relation.NOT_PROBED),
            "not_probed",
            "not probed: no artefact that a probe could run",
        ),
        (
            replace(PLAIN, strength=Strength.SUSPECTED),
            "rediscovery",
            "suspected rediscovery of Kaiming initialization (fan_in) (by its description alone)",
        ),
        (
            replace(PLAIN, relation=Relation.COMBINATION, parts=(HE, Known("lion", "Lion"))),
            "variant",
            "combination of Kaiming initialization + Lion",
        ),
    ],
)
def test_words(verdict: Verdict, label: str, headline: str) -> None:
    assert verdict.label == label
    assert verdict.headline == headline


@given(verdicts)
def test_only_the_flags_name_a_technique(verdict: Verdict) -> None:
    assert verdict.flagged == (verdict.relation in FLAGS and verdict.technique is not None)
    assert (verdict.label in {"rediscovery", "variant"}) == verdict.flagged


def test_citation_tells_the_paper_year_and_symbol() -> None:
    assert PLAIN.citation == "Delving Deep (2015), torch.nn.init"
    assert replace(PLAIN, technique=None).citation == ""
