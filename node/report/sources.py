"""Reading the records that a report rests on: an export, checked again signature by signature."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence

import msgpack

from leaderboard.codec import MAX_RECORD_BYTES
from leaderboard.envelope import Envelope, open_envelope
from leaderboard.errors import PeerError
from leaderboard.ids import SwarmId, to_text
from leaderboard.manifest import TrackManifest
from leaderboard.records import Track
from leaderboard.standings import Standings

from ..errors import NotFound
from .book import Book

__all__ = ["read_books", "read_export"]

_MOST_BYTES = 1 << 31


def read_export(content: bytes, swarm: SwarmId) -> list[Envelope]:
    """The records of an export (`raw`, or `jsonl` with the signed bytes in each line), each one once.

    Raises PeerError for a record that is cut, malformed, of another swarm or not signed by its author.
    """
    pieces = _lines(content) if content[:1] == b"{" else _stream(content)
    found: dict[bytes, Envelope] = {}
    for piece in pieces:
        envelope = open_envelope(piece, swarm)
        if envelope.id in found:
            continue
        if not envelope.signature_holds():
            raise PeerError(f"record {to_text(envelope.id)} is not signed by its author")
        found[envelope.id] = envelope
    return list(found.values())


def _lines(content: bytes) -> Iterator[bytes]:
    for number, line in enumerate(content.splitlines(), 1):
        try:
            yield base64.b64decode(json.loads(line)["raw"], validate=True)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise PeerError(f"line {number} of the export holds no record: {type(error).__name__}") from None


def _stream(content: bytes) -> Iterator[bytes]:
    unpacker = msgpack.Unpacker(max_buffer_size=_MOST_BYTES, max_bin_len=MAX_RECORD_BYTES)
    unpacker.feed(content)
    start = 0
    while start < len(content):
        try:
            unpacker.skip()
        except (msgpack.OutOfData, msgpack.UnpackException, ValueError) as error:
            raise PeerError(f"the records are cut or malformed at byte {start}: {error}") from None
        yield content[start : unpacker.tell()]
        start = unpacker.tell()


def read_books(envelopes: Sequence[Envelope], track: str = "") -> list[Book]:
    """One book for each track that has claims, or for the newest one that `track` (name or id) names."""
    standings = Standings()
    standings.add(envelopes)
    known = sorted(standings.tracks().values(), key=lambda item: (item.name, item.version, item.id))
    if track:
        chosen = [item for item in known if item.name == track or _starts(item, track)][-1:]
        if not chosen:
            names = ", ".join(sorted({item.name for item in known}))
            raise NotFound(f"no track is called {track!r}", f"tracks in these records: {names or 'none'}")
    else:
        chosen = [item for item in known if standings.claims(item.id)]
        if not chosen:
            raise NotFound("there are no claims yet", "`consilience up` starts a node that makes some")
    return [Book(standings, item.id, _sorted(envelopes)) for item in chosen]


def _starts(manifest: TrackManifest, text: str) -> bool:
    return len(text) >= 4 and to_text(manifest.id).startswith(text.lower())


def _sorted(envelopes: Iterable[Envelope]) -> Iterator[Envelope]:
    """In order of id: a report does not depend on the order of arrival."""
    return iter(
        sorted((item for item in envelopes if not isinstance(item.record, Track)), key=lambda i: i.id)
    )
