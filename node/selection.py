"""Which records an export holds: by kind, author, track, or everything about one claim."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from leaderboard.envelope import Envelope
from leaderboard.ids import ContentId, TrackId, to_text
from leaderboard.manifest import TrackManifest
from leaderboard.records import Claim, Track

from .api.values import ExportFilter
from .errors import Misuse
from .store import Store

__all__ = ["chosen_records"]


def chosen_records(
    store: Store, selection: ExportFilter, manifests: Callable[[str], Sequence[TrackManifest]]
) -> list[Envelope]:
    """The selected records in (time, id) order; blocks on the disk."""
    if selection.about:
        found = _about(store, store.find(selection.about))
    else:
        tracks = {item.id for item in manifests(selection.track)} if selection.track else None
        found = list(_of_tracks(store, tracks))
    chosen = (item for item in found if _matches(item, selection))
    return sorted(chosen, key=lambda item: (item.time_ms, item.id))


def _matches(envelope: Envelope, selection: ExportFilter) -> bool:
    author = to_text(envelope.author)
    return (not selection.kind or envelope.kind == selection.kind) and (
        not selection.author or author.startswith(selection.author.lower())
    )


def _of_tracks(store: Store, tracks: set[TrackId] | None) -> Iterator[Envelope]:
    """Everything, or the tracks' own records, their claims and what is about those."""
    if tracks is None:
        yield from store.in_order()
        return
    for track in tracks:
        for envelope in store.about(track):
            yield envelope
            if isinstance(envelope.record, Claim):
                yield from store.about(envelope.id)


def _track_records(store: Store, track: TrackId) -> Iterator[Envelope]:
    return (item for item in store.about(track) if isinstance(item.record, Track))


def _about(store: Store, claim: ContentId) -> list[Envelope]:
    """A claim with its track, opponents and parents (all the way up), and every record about each."""
    found: dict[ContentId, Envelope] = {}
    queue = [claim]
    while queue:
        current = queue.pop()
        for envelope in store.envelopes([current]):
            if not isinstance(envelope.record, Claim):
                raise Misuse(f"{to_text(claim)} is not a claim", "`consilience show ID` says what it is")
            found[current] = envelope
            found.update({item.id: item for item in store.about(current)})
            found.update({item.id: item for item in _track_records(store, envelope.record.track)})
            nearby = (envelope.record.opponent, *envelope.record.parents)
            queue += [item for item in nearby if item is not None and item not in found]
    return list(found.values())
