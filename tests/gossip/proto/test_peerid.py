"""PeerIds without libp2p: those that libp2p makes, and nothing else reads as one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gossip.proto.peerid import peer_id_of, public_key_of
from leaderboard.errors import PeerError

# Made with py-libp2p 0.8.1: ID.from_pubkey(create_new_key_pair(seed).public_key).
VECTORS = {
    "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29": (
        "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"
    ),
    "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8": (
        "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
    ),
    "76a1592044a6e4f511265bca73a604d90b0529d1df602be30a19a9257660d1f5": (
        "12D3KooWHoSyTgntm77sXShoeX9uNkqKNMhHxKtskaHqnA54SrSG"
    ),
}


def test_peer_ids_are_those_of_libp2p() -> None:
    for public, text in VECTORS.items():
        assert peer_id_of(bytes.fromhex(public)) == text
        assert public_key_of(text).hex() == public


@given(st.binary(min_size=32, max_size=32))
def test_a_peer_id_names_its_author(public: bytes) -> None:
    assert public_key_of(peer_id_of(public)) == public


@given(st.one_of(st.text(max_size=80), st.from_regex(r"12D3KooW[1-9A-HJ-NP-Za-km-z]{44}", fullmatch=True)))
def test_any_other_text_is_a_peer_error_or_round_trips(text: str) -> None:
    try:
        author = public_key_of(text)
    except PeerError:
        return
    assert peer_id_of(author) == text
