"""The address book on disk: what was saved comes back, and damage costs a warning."""

from __future__ import annotations

import pytest

from gossip.proto.book import MAX_ADDRESSES, Entry
from gossip.proto.peerid import PeerId
from node.addresses import load_book, save_book

ENTRIES = (Entry(PeerId("12D3KooA"), ("/ip4/1.2.3.4/tcp/1", "/dns4/a/tcp/2")), Entry(PeerId("12D3KooB"), ()))


def test_round_trip(tmp_path):
    save_book(tmp_path / "peers.json", ENTRIES)
    assert load_book(tmp_path / "peers.json") == ENTRIES


def test_no_file_is_an_empty_book(tmp_path):
    assert load_book(tmp_path / "peers.json") == ()


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '[{"peer": 1, "addresses": []}]', '[{"peer": "a"}]', "[" * 100_000]
)
def test_a_damaged_file_is_ignored(tmp_path, text):
    (tmp_path / "peers.json").write_text(text)
    assert load_book(tmp_path / "peers.json") == ()


def test_a_grown_file_is_cut_to_bounds(tmp_path):
    save_book(
        tmp_path / "peers.json", [Entry(PeerId("p"), ("/" + "x" * 1000, *(f"/{n}" for n in range(50))))]
    )
    (entry,) = load_book(tmp_path / "peers.json")
    assert len(entry.addresses) == MAX_ADDRESSES
    assert "/0" in entry.addresses


def test_a_folder_that_cannot_be_written_is_survived(tmp_path):
    save_book(tmp_path / "missing" / "peers.json", ENTRIES)
    assert not (tmp_path / "missing").exists()
