"""What the HTTP API asks of the node.

The API knows nothing of libp2p, workers or SQLite: `app.create_app(node)` serves whatever implements
`NodePort`. The daemon implements it over the running parts; tests implement it over a store alone.

Rules for implementers
* Methods are async and run in the API's nursery: they may block on the store only through a thread.
* An id argument may be any unique prefix of at least four characters, upper or lower case.
* Raise `node.errors` (`NotFound`, `Ambiguous`, `Misuse`, ...) or `leaderboard.errors.Refused`: the API turns
  them into `{error, hint}` with the right status. Anything else is a bug and becomes a plain 500.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from .values import (
    AgentStatus,
    BoardView,
    ClaimDraft,
    ClaimReceipt,
    Event,
    ExportFilter,
    IdentityView,
    Metric,
    NodeStatus,
    PeerView,
    ProposerView,
    RecordView,
    RefusedView,
    TrackView,
)

__all__ = ["EventStream", "NodePort"]


class EventStream(Protocol):
    """One consumer's events: an async iterator that outlives a cancelled `__anext__`.

    It ends when the consumer fell too far behind (who reconnects with the last id it saw) or the node stops.
    """

    def __aiter__(self) -> EventStream: ...

    async def __anext__(self) -> Event: ...

    def close(self) -> None:
        """Stop collecting for this consumer."""


class NodePort(Protocol):
    """The running node as the API sees it."""

    async def identity(self) -> IdentityView: ...

    async def status(self) -> NodeStatus: ...

    async def peers(self) -> tuple[PeerView, ...]:
        """Connected peers."""

    async def refused(self) -> RefusedView: ...

    async def set_refused(self, author: str, refused: bool) -> RefusedView:
        """Leave an author's records out of everything here, or take them in again."""

    async def tracks(self) -> tuple[TrackView, ...]: ...

    async def boards(self, track: str | None, limit: int) -> tuple[BoardView, ...]:
        """The common board of `track` (name, id or prefix), or of every track; at most `limit` rows each."""

    async def show(self, prefix: str) -> RecordView:
        """One record; raises NotFound or Ambiguous."""

    async def submit_claim(self, draft: ClaimDraft) -> ClaimReceipt:
        """Check, sign, admit, publish and queue; raises Misuse with the reason if the recipe is not valid."""

    def export(self, selection: ExportFilter) -> AsyncGenerator[bytes]:
        """Raw envelopes in (time, id) order; closed early if the client leaves."""

    def events(self, since: int | None) -> EventStream:
        """Live events; with `since`, first every record event after that sequence number.

        `node.feed.Feed.subscribe` gives such a stream.
        """

    async def metrics(self) -> tuple[Metric, ...]: ...

    async def set_paused(self, paused: bool) -> AgentStatus:
        """Let the agent start nothing new (it still keeps promises), or go on; Refused on an observer."""

    async def proposers(self) -> tuple[ProposerView, ...]:
        """Who had the ideas on the installed tracks, and how good they and their predictions were."""

    async def stop(self) -> None:
        """Begin a clean shutdown and return at once."""
