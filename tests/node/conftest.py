"""Records, stores and state directories for tests of the node: real keys, real signatures, fixed seeds."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
import trio

from gossip.proto.peerid import peer_id_of
from leaderboard.envelope import ChainTip, Envelope, seal, swarm_id
from leaderboard.ids import AuthorId, ContentId, SwarmId, to_text
from leaderboard.manifest import TrackManifest
from leaderboard.measurement import Measurement
from leaderboard.records import Accept, Claim, Finding, Note, Record, Replication, Result, Track, commitment
from leaderboard.signing import Signer
from node.api.server import serve
from node.api.values import (
    AgentStatus,
    BoardRow,
    BoardView,
    ClaimDraft,
    ClaimReceipt,
    Event,
    ExportFilter,
    FindingView,
    IdentityView,
    Metric,
    ModelStatus,
    NodeStatus,
    PartStatus,
    PeerView,
    ProposerView,
    RecordView,
    RefusedView,
    Sample,
    TrackView,
)
from node.errors import Misuse, NotFound
from node.feed import Feed, Subscription
from node.home import Home
from node.store import Store
from node.views import recipe_line, record_event, record_view, track_view

NOW_MS = 1_790_000_000_000


MODEL = ModelStatus(
    "tiny\x1b[31m", "http://127.0.0.1:9/v1", "resting, the embedded search carries on: nobody\nthere",
    7, 4, {"recipe": 2, "Unavailable": 1}, 12, 2_000, 34_567, 0, 0.25, 1.0, 7.4, 3600.0,
)  # fmt: skip


class Author:
    """One identity with its chain, sealing records one after the other."""

    def __init__(self, number: int, swarm: SwarmId) -> None:
        self.signer = Signer(bytes([number]) * 32)
        self.swarm = swarm
        self.tip = ChainTip(bytes([number]) * 16, -1, None)

    def seal(self, record: Record, time_ms: int = NOW_MS) -> Envelope:
        envelope = seal(record, self.signer, self.swarm, self.tip, time_ms)
        self.tip = envelope.tip
        return envelope

    def notes(self, count: int, about: ContentId | None = None) -> list[Envelope]:
        return [self.seal(Note(about, f"note {n}"), NOW_MS + n) for n in range(count)]


MANIFEST = TrackManifest(
    name="toy",
    version=1,
    question="Which constant is smallest?",
    metric="loss",
    direction="min",
    data=b"\x0d" * 32,
    budget={"samples": 100},
    reference={"settings": {"lr": 0.01}, "slots": {"init_std": "0.1"}},
    space={"settings": {"lr": {"low": 0.001, "high": 1.0}}, "slots": {"init_std": ["fan_in"]}},
    tolerance="D0",
    delta_min=0.01,
    effect_bound=3.0,
    author_seeds=2,
    replicator_seeds=2,
    evaluator=1,
)
MEASUREMENT = Measurement(
    seeds=(1, 2),
    candidate=(0.5, None),
    opponent=(2.25, 2.5),
    stable=(True, True),
    environment="x86-64",
    calibration=2.25,
    sandbox="none",
    cost_ms=80,
)


class Story:
    """A small swarm's records: a track, a claim, and what others did about it."""

    def __init__(self, alice: Author, bob: Author) -> None:
        self.track = alice.seal(Track(MANIFEST), NOW_MS)
        recipe = {"settings": {"lr": 0.02}, "slots": {"init_std": "sqrt(3/fan_out)"}}
        claim = Claim(MANIFEST.id, recipe, None, "Wider wants smaller.", 0.5, (), "person", "", True)
        self.claim = alice.seal(claim, NOW_MS + 1)
        self.result = alice.seal(Result(self.claim.id, MEASUREMENT), NOW_MS + 2)
        secret = b"\x05" * 32
        promise = Accept(self.claim.id, 2, commitment(self.claim.id, bob.signer.author, secret))
        self.accept = bob.seal(promise, NOW_MS + 3)
        fresh = replace(MEASUREMENT, seeds=(3, 4))
        self.replication = bob.seal(
            Replication(self.claim.id, self.accept.id, secret, fresh, MEASUREMENT), NOW_MS + 4
        )
        finding = Finding(
            self.claim.id, "equal", "rediscovery of a law", "kaiming-init", "He et al. 2015", "torch.nn.init",
            "fan_out", "init_std", 1.0, "confirmed", ("std matches",), "1",
        )  # fmt: skip
        self.finding = bob.seal(finding, NOW_MS + 5)

    @property
    def all(self) -> list[Envelope]:
        return [self.track, self.claim, self.result, self.accept, self.replication, self.finding]


@pytest.fixture
def swarm() -> SwarmId:
    return swarm_id("test-swarm")


@pytest.fixture
def alice(swarm: SwarmId) -> Author:
    return Author(1, swarm)


@pytest.fixture
def bob(swarm: SwarmId) -> Author:
    return Author(2, swarm)


@pytest.fixture
def story(alice: Author, bob: Author) -> Story:
    return Story(alice, bob)


@pytest.fixture
def store(tmp_path: Path, swarm: SwarmId) -> Iterator[Store]:
    with Store(tmp_path / "records.db", swarm) as opened:
        yield opened


class StoreNode:
    """A node that is only its store: implements `node.api.ports.NodePort` with no daemon behind it."""

    def __init__(self, store: Store, alice: Author) -> None:
        self.store = store
        self.author = alice
        self.cursor = store.count()
        self.moved = trio.Event()
        self.stopping = trio.Event()
        self.feed = Feed(self, self.page)
        self.drafts: list[ClaimDraft] = []
        self.breaks_after: int | None = None
        self.refusals: set[str] = set()

    def page(self, row: int, limit: int) -> list[Event]:
        with closing(self.store.since(row)) as rows:
            return [record_event(item.row, item.envelope) for item in islice(rows, limit)]

    async def wait_beyond(self, cursor: int) -> int:
        while self.cursor <= cursor:
            await self.moved.wait()
        return self.cursor

    def append(self, envelopes: list[Envelope]) -> None:
        self.store.append(envelopes)
        self.cursor = self.store.count()
        moved, self.moved = self.moved, trio.Event()
        moved.set()

    async def identity(self) -> IdentityView:
        author = self.author.signer.author
        swarm = to_text(self.author.swarm)
        return IdentityView(to_text(author), peer_id_of(author), "alice", "test-swarm", swarm)

    async def status(self) -> NodeStatus:
        return NodeStatus(
            version="9.9", identity=await self.identity(), started_ms=NOW_MS,
            listen=("/ip4/127.0.0.1/tcp/7118/p2p/x",), peers=1, records=self.store.count(),
            store_bytes=self.store.size_bytes(), tracks=1, board_digest="d" * 52,
            agent=AgentStatus(True, "idle", 3, 1, "auto", MODEL),
            parts=(PartStatus("gossip", "running", 2, "it rained"),),
        )  # fmt: skip

    async def peers(self) -> tuple[PeerView, ...]:
        name = "bob\x1b[31m\u202eevil [bold]x[/bold]\n"
        return (
            PeerView(peer_id_of(AuthorId(b"\x02" * 32)), name, "/ip4/10.0.0.2", "in", NOW_MS, 1.25, 0.5, ""),
        )

    async def tracks(self) -> tuple[TrackView, ...]:
        found = [item.record for item in self.store.of_kind("track")]
        return tuple(
            track_view(item, installed=True, claims=1, confirmed=0)
            for item in found
            if isinstance(item, Track)
        )

    async def boards(self, track: str | None, limit: int) -> tuple[BoardView, ...]:
        tracks = [item for item in await self.tracks() if track in (None, item.name, item.id)]
        if track is not None and not tracks:
            raise NotFound(f"no track is called {track!r}", "see `consilience track ls`")
        rows = [self.row(item) for item in self.store.of_kind("claim")]
        return tuple(BoardView(item, "d" * 52, tuple(rows[:limit])) for item in tracks)

    def row(self, claim: Envelope) -> BoardRow:
        assert isinstance(claim.record, Claim)
        finding = FindingView(
            "rediscovery of a law", "equal", "kaiming-init", "fan_out", 1.0, "He et al. 2015",
            "torch.nn.init", "confirmed", ("bob",), 0,
        )  # fmt: skip
        return BoardRow(
            rank=1, claim=to_text(claim.id), author=to_text(claim.author), author_name="alice",
            standing="confirmed", summary=recipe_line(claim.record.recipe, MANIFEST.reference),
            hypothesis=claim.record.hypothesis,
            effect=1.75, low=1.5, high=2.0, bound=1.4, measured=1.8, replicators=2, seeds=8,
            findings=(finding,), time_ms=claim.time_ms,
        )  # fmt: skip

    async def show(self, prefix: str) -> RecordView:
        found = self.store.find(prefix)
        (envelope,) = self.store.envelopes([found])
        view = record_view(envelope, "alice", list(self.store.about(found)))
        return replace(view, standing=self.row(envelope)) if envelope.kind == "claim" else view

    async def submit_claim(self, draft: ClaimDraft) -> ClaimReceipt:
        if draft.slots.get("init_std") == "__import__":
            raise Misuse("slot init_std: unknown name `__import__`", "see `consilience track ls`")
        self.drafts.append(draft)
        return ClaimReceipt("c" * 52, draft.track, known=False, queued=True)

    async def export(self, selection: ExportFilter) -> AsyncGenerator[bytes]:
        wanted = None
        if selection.about:
            claim = self.store.find(selection.about)
            wanted = {claim, *(item.id for item in self.store.about(claim))}
        for number, envelope in enumerate(self.store.in_order()):
            await trio.lowlevel.checkpoint()
            if self.breaks_after is not None and number >= self.breaks_after:
                raise RuntimeError("a bug in the middle of an export")
            chosen = wanted is None or envelope.id in wanted or envelope.kind == "track"
            if chosen and selection.kind in ("", envelope.kind):
                yield envelope.raw

    def events(self, since: int | None) -> Subscription:
        return self.feed.subscribe(since)

    async def metrics(self) -> tuple[Metric, ...]:
        return (Metric("consilience_records", "gauge", "Records here.", (Sample(self.store.count()),)),)

    async def refused(self) -> RefusedView:
        return RefusedView(tuple(sorted(self.refusals)))

    async def set_refused(self, author: str, refused: bool) -> RefusedView:
        self.refusals ^= {author} if refused != (author in self.refusals) else set()
        return await self.refused()

    async def proposers(self) -> tuple[ProposerView, ...]:
        return (ProposerView("toy", "llm/tiny", 9, 2, 0.1, 1.5, 8, 0.25, 0.5, 0.75, None),)

    async def set_paused(self, paused: bool) -> AgentStatus:
        return AgentStatus(True, "paused" if paused else "idle", 3, 1)

    async def stop(self) -> None:
        self.feed.close()
        self.stopping.set()


@dataclass(frozen=True)
class Served:
    """A node behind a running server."""

    node: StoreNode
    home: Home
    url: str

    @property
    def token(self) -> str:
        return str(json.loads(self.home.api.read_text())["token"])

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@pytest.fixture
async def served(
    tmp_path: Path, store: Store, alice: Author, story: Story, nursery: trio.Nursery
) -> AsyncIterator[Served]:
    """The real server on a free port, over a store with one story."""
    node = StoreNode(store, alice)
    node.append(story.all)
    home = Home(tmp_path)
    start = partial(serve, node, home, "127.0.0.1", 0, node.stopping.wait)
    nursery.start_soon(node.feed.run)
    yield Served(node, home, await nursery.start(start))
    await node.stop()
    nursery.cancel_scope.deadline = trio.current_time() + 30
