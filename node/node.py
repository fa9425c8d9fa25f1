"""The running node as the API sees it: questions answered from the standings, the store and the parts.

Implements `node.api.ports.NodePort`. It holds no state of its own beyond references to the parts, which come
and go as the supervisor restarts them.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING

import trio

from experiments.programs.canonical import Program, read_program
from experiments.recipe import Recipe, RecipeError
from experiments.sandbox.codes import Rejected
from gossip.proto.peerid import peer_id_of, public_key_of
from leaderboard.board.explain import explain
from leaderboard.board.rows import ClaimView, Row
from leaderboard.codec import ValueMap
from leaderboard.envelope import Envelope
from leaderboard.errors import PeerError, Refused
from leaderboard.ids import AuthorId, ContentId, TrackId, from_text, short, to_text
from leaderboard.manifest import TrackManifest
from leaderboard.records import Claim, Track, recipe_id

from . import refusals
from .agent.yields import proposer_views
from .api.ports import EventStream
from .api.values import (
    AgentStatus,
    BoardRow,
    BoardView,
    ClaimDraft,
    ClaimReceipt,
    ExportFilter,
    FindingView,
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
from .config import Config
from .errors import Ambiguous, Misuse, NotFound
from .feed import Feed
from .identity import Identity
from .metrics import node_metrics
from .replica import NodeReplica, now_ms
from .selection import chosen_records
from .supervisor import Supervisor
from .tracks import configured_tracks
from .views import recipe_line, record_view, track_view

if TYPE_CHECKING:
    from gossip.net.swarm import Swarm

    from .agent.loop import Agent

__all__ = ["Node"]

_LEAST_PREFIX = 4
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
            board_digest=to_text(self._digest()),
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
        names = {peer_id_of(author): name for author, name in self._profiles().items()}
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
        if len(text) < _LEAST_PREFIX or not found:
            raise NotFound(
                f"no author is called {text!r}", "give an author id, a prefix of 4 characters, or a PeerId"
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
            raise Refused("this node has no agent running")
        if paused:
            self.agent.pause()
        else:
            self.agent.resume()
        return self._agent_status()

    async def proposers(self) -> tuple[ProposerView, ...]:
        standings = self.replica.standings
        return tuple(view for track in self._tracks for view in proposer_views(track, standings))

    # --- what is known

    async def tracks(self) -> tuple[TrackView, ...]:
        return tuple(self._track_view(manifest) for manifest in self._manifests(None))

    async def boards(self, track: str | None, limit: int) -> tuple[BoardView, ...]:
        return tuple(self._board_view(manifest, limit) for manifest in self._manifests(track))

    async def show(self, prefix: str) -> RecordView:
        found = await trio.to_thread.run_sync(self._look_up, prefix)
        standing, explanation = None, []
        if isinstance(found[0].record, Claim) and found[0].record.track in self.replica.standings.tracks():
            view = self.replica.standings.claim(found[0].id)
            standing, explanation = self._row(view), explain(view)
        return record_view(found[0], self._name(found[0].author), found[1:], standing, explanation)

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
        manifest = self._manifest(draft.track)
        program = _program(draft.program)
        recipe = self._recipe(manifest, draft, program)
        standings, me = self.replica.standings, self.me.author
        for claim in sorted(standings.claims_of_recipe(recipe_id(recipe.to_payload()))):
            facts = standings.facts(claim)
            if facts is not None and facts.author == me and facts.claim and facts.claim.track == manifest.id:
                return ClaimReceipt(to_text(claim), manifest.name, known=True, queued=not facts.measured)
        if manifest.id not in standings.tracks():
            await self.author.publish(Track(manifest))
        if program is not None:
            await self.blobs.put(program.source.encode())  # before the claim that names it
        envelope = await self.author.publish(
            Claim(
                track=manifest.id,
                recipe=recipe.to_payload(),
                opponent=None if draft.opponent is None else self._claim_id(draft.opponent),
                hypothesis=draft.hypothesis,
                predicted_effect=draft.predicted_effect,
                parents=tuple(self._claim_id(parent) for parent in draft.parents),
                proposer="person",
                licence=draft.licence,
                derivable=draft.derivable,
            )
        )
        return ClaimReceipt(to_text(envelope.id), manifest.name, known=False, queued=self.agent is not None)

    def _recipe(self, manifest: TrackManifest, draft: ClaimDraft, program: Program | None) -> Recipe:
        track = next((track for track in self._tracks if track.id == manifest.id), None)
        if track is None:
            raise Misuse(
                f"this node has not installed this version of {manifest.name}",
                "install it and name it in `agent.tracks` to claim here",
            )
        try:
            payload = {"settings": draft.settings, "slots": draft.slots}
            return Recipe.from_payload(
                payload if program is None else {**payload, "program": program.id}, track
            )
        except RecipeError as error:
            raise Misuse(
                str(error), f"`consilience track show {manifest.name}` lists what can be said"
            ) from None

    def _claim_id(self, prefix: str) -> ContentId:
        found = self.replica.store.find(prefix)
        if self.replica.standings.facts(found) is None:
            raise Misuse(f"{prefix} is not a claim", "copy a claim's id from `consilience board`")
        return found

    # --- inside

    def _agent_status(self) -> AgentStatus:
        if self.agent is None:
            return AgentStatus(enabled=False, activity="observer", trials=0, replications=0)
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

    def _manifests(self, track: str | None) -> list[TrackManifest]:
        """Known tracks, or the one that `track` (name, id or prefix) names; NotFound if there is none."""
        known = {**{item.id: item for item in self._installed()}, **self.replica.standings.tracks()}
        found = [item for item in known.values() if track is None or _named(item, track)]
        if track is not None and not found:
            names = ", ".join(sorted({item.name for item in known.values()}))
            raise NotFound(f"no track is called {track!r}", f"known tracks: {names or 'none yet'}")
        return sorted(found, key=lambda item: (item.name, item.version, item.id))

    def _manifest(self, track: str) -> TrackManifest:
        """The newest version of the track that `track` names."""
        return self._manifests(track)[-1]

    def _installed(self) -> list[TrackManifest]:
        return [track.manifest for track in self._tracks]

    def _digest(self) -> bytes:
        """One digest over the common boards of all tracks, in order of track id."""
        standings = self.replica.standings
        state = hashlib.sha256()
        for track in sorted(standings.tracks()):
            state.update(track + standings.digest(track))
        return state.digest()

    def _track_view(self, manifest: TrackManifest) -> TrackView:
        standings = self.replica.standings
        known = manifest.id in standings.tracks()
        return track_view(
            Track(manifest),
            installed=any(item.id == manifest.id for item in self._installed()),
            claims=standings.claim_count(manifest.id),
            confirmed=standings.confirmed(manifest.id) if known else 0,
        )

    def _board_view(self, manifest: TrackManifest, limit: int) -> BoardView:
        standings = self.replica.standings
        known = manifest.id in standings.tracks()
        return BoardView(
            track=self._track_view(manifest),
            digest=to_text(standings.digest(manifest.id)) if known else "",
            rows=tuple(self._row(row.view, row) for row in standings.first(manifest.id, limit))
            if known
            else (),
        )

    def _row(self, view: ClaimView, row: Row | None = None) -> BoardRow:
        evidence = view.evidence
        low, high = evidence.interval or (None, None)
        return BoardRow(
            rank=None if row is None else row.rank,
            claim=to_text(view.id),
            author=to_text(view.author),
            author_name=self._name(view.author),
            standing=view.standing.value,
            summary=recipe_line(view.claim.recipe, self._reference(view.claim.track)),
            hypothesis=view.claim.hypothesis,
            effect=evidence.median,
            low=low,
            high=high,
            bound=None if view.margin is None else view.margin.lower,
            measured=None if evidence.author is None else evidence.author.median,
            replicators=evidence.replicators,
            seeds=len(evidence.ordered),
            findings=tuple(self._findings(view)),
            time_ms=view.time_ms,
        )

    def _reference(self, track: TrackId) -> ValueMap | None:
        manifest = self.replica.standings.tracks().get(track)
        return None if manifest is None else manifest.reference

    def _findings(self, view: ClaimView) -> Iterable[FindingView]:
        for found in view.findings:
            yield FindingView(
                label=found.label,
                relation=found.relation,
                technique=found.technique,
                mode=found.mode,
                gain=found.gain,
                paper=found.paper,
                symbol=found.symbol,
                strength=found.strength,
                authors=tuple(self._name(author) for author in found.authors),
                others=found.others,
            )

    def _look_up(self, prefix: str) -> list[Envelope]:
        """The record itself, then what is about it."""
        store = self.replica.store
        found = store.find(prefix)
        return [*store.envelopes([found]), *store.about(found)]

    def _select(self, selection: ExportFilter) -> list[ContentId]:
        return [envelope.id for envelope in chosen_records(self.replica.store, selection, self._manifests)]

    def _profiles(self) -> dict[AuthorId, str]:
        return {author: profile.name for author, profile in self.replica.standings.profiles().items()}

    def _name(self, author: AuthorId) -> str:
        """The name an author gives itself, or its short id."""
        profile = self.replica.standings.profile(author)
        return (profile and profile.name) or short(author)


def _named(manifest: TrackManifest, text: str) -> bool:
    return manifest.name == text or (len(text) >= 4 and to_text(manifest.id).startswith(text.lower()))


def _program(source: str) -> Program | None:
    """A person's program in canonical form; None for no text."""
    if not source:
        return None
    try:
        return read_program(source)
    except Rejected as error:
        raise Misuse(error.reason, "`consilience try TRACK --program FILE` says more") from None
