"""The running node as the API sees it: questions answered from the standings, the store and the parts.

Implements `node.api.ports.NodePort`. It holds no state of its own beyond references to the parts, which come
and go as the supervisor restarts them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING

import trio

from gossip.proto.peerid import peer_id_of, public_key_of
from leaderboard.envelope import Envelope
from leaderboard.errors import PeerError, Refused
from leaderboard.ids import AuthorId, ContentId, from_text, to_text
from leaderboard.records import Claim

from . import refusals
from .agent.yields import proposer_views
from .api.ports import EventStream
from .api.values import (
    AgentStatus,
    BoardView,
    ClaimDraft,
    ClaimReceipt,
    ExportFilter,
    IdentityView,
    Metric,
    NodeStatus,
    PartStatus,
    PeerView,
    ProposerView,
    RecordView,
    RefusedView,
    TrackView,
)
from .author import Author
from .blobs import BlobStore
from .blobs_shelf import Blobs
from .board_views import LEAST_PREFIX, BoardViews
from .config import Config
from .drafts import Drafts
from .errors import Ambiguous, Misuse, NotFound
from .feed import Feed
from .identity import Identity
from .metrics import node_metrics
from .replica import NodeReplica, now_ms
from .selection import chosen_records
from .supervisor import Supervisor
from .tracks import configured_tracks
from .views import record_view

if TYPE_CHECKING:
    from gossip.net.swarm import Swarm

    from .agent.loop import Agent

__all__ = ["Node"]

_PAGE = 500
"""Records read from the disk at a time while exporting."""


class Node:
    """What `consilience` commands ask."""

    def __init__(
        self,
        config: Config,
        me: Identity,
        replica: NodeReplica,
        feed: Feed,
        supervisor: Supervisor,
        *,
        blob_store: BlobStore,
    ) -> None:
        self.config = config
        self.me = me
        self.replica = replica
        self.author = Author(me.signer, replica)
        self.blobs = Blobs(blob_store, replica, lambda: self.swarm)
        self.feed = feed
        self.supervisor = supervisor
        self.swarm: Swarm | None = None
        self.agent: Agent | None = None
        self.stopping = trio.Event()
        self.api_stopped = trio.Event()
        self._tracks = configured_tracks(config)
        self._views = BoardViews(replica, self._tracks)
        self._drafts = Drafts(replica, self.author, self.blobs, self._tracks)
        self._started_ms = now_ms()
        self._refusing = trio.Lock()

    # --- who and how

    async def identity(self) -> IdentityView:
        return IdentityView(
            author=to_text(self.me.author),
            peer_id=self.me.peer_id,
            name=self.config.node.name,
            swarm=self.config.node.swarm,
            swarm_id=to_text(self.replica.swarm),
        )

    async def status(self) -> NodeStatus:
        standings = self.replica.standings
        return NodeStatus(
            version=version("consilience"),
            identity=await self.identity(),
            started_ms=self._started_ms,
            listen=() if self.swarm is None else self.swarm.addresses(),
            peers=0 if self.swarm is None else len(self.swarm.peers()),
            records=len(self.replica),
            store_bytes=await trio.to_thread.run_sync(self.replica.store.size_bytes),
            tracks=len(standings.tracks()),
            board_digest=to_text(self._views.digest()),
            agent=self._agent_status(),
            parts=tuple(
                PartStatus(part.name, part.state, part.restarts, part.last_error)
                for part in self.supervisor.statistics()
            ),
            boards_percent=self.replica.boards.progress,
        )

    async def peers(self) -> tuple[PeerView, ...]:
        """Connected peers; names come from their profiles."""
        if self.swarm is None:
            return ()
        profiles = self.replica.standings.profiles()
        names = {peer_id_of(author): profile.name for author, profile in profiles.items()}
        trust = self.replica.standings.trust(self.me.author)
        reasons = {peer_id_of(author): found.reason for author, found in trust.items()}
        now = now_ms()
        return tuple(
            PeerView(
                peer_id=peer.peer,
                name=names.get(peer.peer, ""),
                address=peer.addresses[0] if peer.addresses else "",
                direction="out" if peer.outbound else "in",
                since_ms=now - round(1000 * peer.since),
                rtt_ms=None if peer.round_trip is None else 1000 * peer.round_trip,
                guilt=peer.guilt,
                trust=reasons.get(peer.peer, ""),
            )
            for peer in self.swarm.peers()
        )

    async def refused(self) -> RefusedView:
        return RefusedView(tuple(to_text(author) for author in sorted(self.replica.refused)))

    async def set_refused(self, author: str, refused: bool) -> RefusedView:
        """On the disk first, so that a crash in between refuses too much rather than too little."""
        found = self._author(author)
        if found == self.me.author:
            raise Misuse("this is the node's own author id", "`consilience id` shows it")
        async with self._refusing:
            authors = self.replica.refused | {found} if refused else self.replica.refused - {found}
            await trio.to_thread.run_sync(refusals.save, self.config.home.refused, authors)
            await self.replica.refuse(authors)
        return await self.refused()

    def _author(self, text: str) -> AuthorId:
        """The author that an id, a unique prefix of one, or a PeerId names."""
        with suppress(PeerError):
            return AuthorId(public_key_of(text))
        with suppress(PeerError):
            return AuthorId(from_text(text.lower()))
        known = self.replica.standings.authors() | self.replica.refused
        found = [author for author in known if to_text(author).startswith(text.lower())]
        if len(text) < LEAST_PREFIX or not found:
            raise NotFound(
                f"no author is called {text!r}",
                f"give an author id, {LEAST_PREFIX} of its first characters, or a PeerId",
            )
        if len(found) > 1:
            raise Ambiguous(f"more than one author id starts with {text!r}", "give more characters")
        return found[0]

    async def metrics(self) -> tuple[Metric, ...]:
        return node_metrics(self)

    async def stop(self) -> None:
        self.stopping.set()

    async def set_paused(self, paused: bool) -> AgentStatus:
        """Let the agent start nothing new, or go on; Refused on an observer."""
        if self.agent is None:
            raise Refused("this node has no agent; set agent.enabled = true and start it again to have one")
        if paused:
            self.agent.pause()
        else:
            self.agent.resume()
        return self._agent_status()

    async def proposers(self) -> tuple[ProposerView, ...]:
        standings, agent = self.replica.standings, self.agent
        return tuple(
            view
            for track in self._tracks
            for view in proposer_views(track, standings, () if agent is None else agent.attempts(track.id))
        )

    # --- what is known

    async def tracks(self) -> tuple[TrackView, ...]:
        return tuple(self._views.track(manifest) for manifest in self._views.manifests(None))

    async def boards(self, track: str | None, limit: int) -> tuple[BoardView, ...]:
        return tuple(self._views.board(manifest, limit) for manifest in self._views.manifests(track))

    async def show(self, prefix: str) -> RecordView:
        found = await trio.to_thread.run_sync(self._look_up, prefix)
        standing, explanation = None, []
        if isinstance(found[0].record, Claim) and found[0].record.track in self.replica.standings.tracks():
            view = self.replica.standings.claim(found[0].id)
            standing, explanation = self._views.row(view), self._views.explanation(view)
        return record_view(found[0], self._views.name(found[0].author), found[1:], standing, explanation)

    async def export(self, selection: ExportFilter) -> AsyncGenerator[bytes]:
        chosen = await trio.to_thread.run_sync(self._select, selection)
        for start in range(0, len(chosen), _PAGE):
            found = await trio.to_thread.run_sync(self.replica.envelopes, chosen[start : start + _PAGE])
            for raw in found:
                yield raw

    def events(self, since: int | None) -> EventStream:
        return self.feed.subscribe(since)

    # --- a person's claim

    async def submit_claim(self, draft: ClaimDraft) -> ClaimReceipt:
        manifest = self._views.manifests(draft.track)[-1]  # the newest version of that name
        return await self._drafts.submit(draft, manifest, measures=self.agent is not None)

    # --- inside

    def _agent_status(self) -> AgentStatus:
        if self.agent is None:
            enabled = self.config.agent.enabled
            text = "not running; its part below says why" if enabled else "observer"
            return AgentStatus(enabled=enabled, activity=text, trials=0, replications=0)
        activity, model = self.agent.activity, self.agent.model
        return AgentStatus(
            enabled=True,
            activity=activity.text,
            trials=activity.trials,
            replications=activity.replications,
            proposer=self.config.agent.proposer,
            model=None if model is None else model.status(),
            resting=self.agent.rest.reason(),
            devices=self.agent.devices(),
        )

    def _look_up(self, prefix: str) -> list[Envelope]:
        """The record itself, then what is about it."""
        store = self.replica.store
        found = store.find(prefix)
        return [*store.envelopes([found]), *store.about(found)]

    def _select(self, selection: ExportFilter) -> list[ContentId]:
        return [
            envelope.id for envelope in chosen_records(self.replica.store, selection, self._views.manifests)
        ]
