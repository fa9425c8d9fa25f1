"""Silence, places shared by networks, and what is not offered again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.proto.offered import Offered
from gossip.proto.peerid import PeerId, peer_id_of
from gossip.proto.pulse import DROP_TICKS, PING_TICKS, Pulse
from gossip.proto.slots import Slots, group_of


def peer(number: int) -> PeerId:
    return peer_id_of(number.to_bytes(32, "big"))


def test_silence_is_counted_in_ticks_of_our_own() -> None:
    pulse, loud, mute = Pulse(), peer(1), peer(2)
    pinged, dropped = [], []
    for tick in range(DROP_TICKS + 1):
        silence = pulse.tick({loud: float(tick), mute: 5.0})
        pinged += silence.ping
        dropped += silence.drop
    assert set(pinged) == {mute}
    assert len(pinged) == (DROP_TICKS - 1) // PING_TICKS
    assert dropped == [mute]


def test_any_sign_of_life_starts_the_count_anew() -> None:
    pulse = Pulse()
    for tick in range(DROP_TICKS * 5):
        assert not pulse.tick({peer(1): float(tick // (DROP_TICKS - 1))}).drop
    assert not pulse.tick({}).drop
    assert not pulse.tick({peer(1): 0.0}).drop  # it came back: a new count


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 4)), max_size=80))
def test_places_are_shared_by_networks(wishes: list[tuple[int, int]]) -> None:
    slots, places = Slots(8, 2), []
    for who, group in wishes:
        place, loser = slots.take(peer(who), f"group {group}")
        if place is not None:
            places.append(place)
        if loser is not None:
            places.remove(loser)
            assert place is not None
            assert loser.group != place.group
        assert len(slots) == len(places) <= 8
        assert all(sum(p.peer == peer(w) for p in places) <= 2 for w, _ in wishes)
    for place in places:
        slots.leave(place)
        slots.leave(place)
    assert not len(slots)


@given(st.integers(1, 8))
def test_a_network_that_wants_places_gets_its_share(networks: int) -> None:
    slots = Slots(16, 2)
    held = [slots.take(peer(who), "attacker")[0] for who in range(20)]
    for network in range(networks - 1):
        for who in range(16):
            place, loser = slots.take(peer(100 * (network + 1) + who), f"honest {network}")
            held.append(place)
            if loser is not None:
                held.remove(loser)
    share = 16 // networks
    for network in range(networks - 1):
        assert sum(p is not None and p.group == f"honest {network}" for p in held) >= share


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("8.8.8.8", "8.8.8.200", True),
        ("8.8.8.8", "8.8.9.8", False),
        ("192.168.1.4", "192.168.1.5", False),
        ("2a00:1450:4001::1", "2a00:1450:4001:ffff::2", True),
        ("2a00:1450:4001::1", "2a00:1450:4002::1", False),
        ("fe80::1%eth0", "fe80::1%eth1", True),
        (None, "garbage", True),
    ],
)
def test_addresses_of_one_owner_are_one_group(one: str | None, other: str, same: bool) -> None:
    assert (group_of(one) == group_of(other)) is same


def test_what_was_given_is_not_given_again_for_a_while() -> None:
    offered = Offered()
    offered.note(peer(1), [b"a", b"b"], 0.0)
    assert offered.lately(peer(1), b"a", 30.0)
    assert not offered.lately(peer(1), b"a", 61.0)
    assert not offered.lately(peer(2), b"a", 30.0)
    for number in range(10_000):
        offered.note(peer(1), [number.to_bytes(16, "big")], 70.0)
    assert not offered.lately(peer(1), (0).to_bytes(16, "big"), 70.0)  # bounded: the oldest went
    assert offered.lately(peer(1), (9_999).to_bytes(16, "big"), 70.0)
