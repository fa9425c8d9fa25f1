"""The address book on disk: peers that were met, so that a restarted node finds its swarm by itself.

A JSON file `peers.json` in the state directory, replaced whole. It is a convenience: a damaged one is
ignored with a warning, because bootstrap addresses and peers bring everything back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import structlog

from gossip.proto.book import MAX_ADDRESSES, Entry
from gossip.proto.peerid import PeerId

from .errors import HintedError
from .files import read_file, replace_file

__all__ = ["load_book", "save_book"]

_MOST_BYTES = 4 << 20
_LONGEST_ADDRESS = 256


def save_book(path: Path, entries: Sequence[Entry]) -> None:
    """Write the peers and their addresses; a failure is logged, not raised."""
    rows = [{"peer": entry.peer, "addresses": entry.addresses} for entry in entries]
    try:
        replace_file(path, json.dumps(rows, indent=1))
    except HintedError as error:
        structlog.get_logger("peers").warning("cannot save the address book", error=str(error))


def load_book(path: Path) -> tuple[Entry, ...]:
    """The saved peers; empty if there is no file or it is not one of ours."""
    try:
        rows = json.loads(read_file(path, _MOST_BYTES))
        return tuple(_entry(row) for row in rows)
    except FileNotFoundError:
        return ()
    except (HintedError, ValueError, TypeError, KeyError, RecursionError) as error:
        structlog.get_logger("peers").warning("ignoring a damaged address book", error=str(error))
        return ()


def _entry(row: dict[str, object]) -> Entry:
    peer, addresses = row["peer"], row["addresses"]
    if not isinstance(peer, str) or not isinstance(addresses, list):
        raise TypeError("an entry needs a peer and a list of addresses")
    texts = tuple(text for text in addresses if isinstance(text, str) and len(text) <= _LONGEST_ADDRESS)
    return Entry(PeerId(peer), texts[:MAX_ADDRESSES])
