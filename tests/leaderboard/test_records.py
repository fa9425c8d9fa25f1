"""Every kind survives its round trip, and every malformed payload is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.codec import decode, encode
from leaderboard.errors import LocalError, PeerError
from leaderboard.measurement import Measurement
from leaderboard.records import KINDS, Claim, parse_payload

from .examples import EXAMPLES, MANIFEST, MEASUREMENT


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda r: r.kind)
def test_round_trip(record):
    payload = decode(encode(record.payload()))
    assert parse_payload(record.kind, payload) == _as_read(record)


def _as_read(record):
    """Maps come back as dicts and arrays as lists or tuples; compare through the wire form."""
    return parse_payload(record.kind, decode(encode(record.payload())))


def test_examples_cover_every_kind():
    assert {r.kind for r in EXAMPLES} == set(KINDS)


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda r: r.kind)
@given(data=st.data())
def test_a_damaged_payload_is_a_peer_error_or_a_record(record, data):
    payload = dict(decode(encode(record.payload())))
    key = data.draw(st.sampled_from(sorted(payload)))
    payload[key] = data.draw(
        st.none()
        | st.integers()
        | st.floats()
        | st.text()
        | st.binary()
        | st.lists(st.integers())
        | st.just({})
    )
    try:
        parsed = parse_payload(record.kind, payload)
    except PeerError:
        return
    assert parsed.kind == record.kind


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda r: r.kind)
def test_missing_and_unknown_fields_are_named(record):
    payload = decode(encode(record.payload()))
    for key in payload:
        with pytest.raises(PeerError, match=key):
            parse_payload(record.kind, {k: v for k, v in payload.items() if k != key})
    with pytest.raises(PeerError, match="surprise"):
        parse_payload(record.kind, {**payload, "surprise": 1})


def test_unknown_fields_deep_inside_are_refused():
    payload = {"manifest": {**MANIFEST.payload(), "surprise": 1}}
    with pytest.raises(PeerError, match="surprise"):
        parse_payload("track", payload)


def test_an_unknown_kind_is_refused():
    with pytest.raises(PeerError, match="unknown record kind"):
        parse_payload("prophecy", {})


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": [1, 1]},
        {"seeds": [1]},
        {"seeds": [1, -1]},
        {"seeds": [1, 2**63]},
        {"seeds": [True, False]},
        {"candidate": [0.5, 1]},
        {"stable": [1, 0]},
        {"cost_ms": -1},
        {"calibration": 2},
        {"seeds": list(range(300))},
    ],
)
def test_bad_measurements_are_refused(change):
    payload = {"claim": b"\xc1" * 32, "measurement": {**MEASUREMENT.payload(), **change}}
    with pytest.raises(PeerError, match="measurement"):
        parse_payload("result", payload)


def test_building_an_uneven_measurement_is_our_own_error():
    with pytest.raises(LocalError, match="differ in length"):
        Measurement((1,), (0.1, 0.2), (0.3,), (True,), "e", 0.0, "none", 1)


@pytest.mark.parametrize(
    "change",
    [{"direction": "up"}, {"tolerance": "D9"}, {"delta_min": -1.0}, {"effect_bound": 0.0}, {"version": 0}],
)
def test_bad_manifests_are_refused(change):
    with pytest.raises(PeerError):
        parse_payload("track", {"manifest": {**MANIFEST.payload(), **change}})


def test_any_change_of_a_manifest_is_another_track():
    base = MANIFEST.payload()
    changed = parse_payload("track", {"manifest": {**base, "evaluator": 2}})
    assert changed.manifest.id != MANIFEST.id


def test_a_claim_with_two_equal_parents_is_refused():
    claim = next(r for r in EXAMPLES if isinstance(r, Claim))
    payload = {**claim.payload(), "parents": [b"\xaa" * 32] * 2}
    with pytest.raises(PeerError, match="parents"):
        parse_payload("claim", payload)
