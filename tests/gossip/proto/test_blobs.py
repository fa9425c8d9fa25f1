"""Blobs fetched from honest, silent, slow and lying peers, without a network: both machines, any order."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossip.proto import blobs_steps as steps
from gossip.proto.blobs import (
    MAX_RUN,
    Absent,
    Chunk,
    Find,
    Head,
    Read,
    read_blob_answer,
    read_blob_question,
)
from gossip.proto.blobs_fetch import BlobFetch
from gossip.proto.blobs_server import BlobServer, Found, Load, Loaded, Look
from gossip.proto.blobs_steps import Begun, Heard, Lost, Ready, Reserved, Tick, Written
from gossip.proto.frames import frame
from gossip.proto.messages import Busy
from gossip.proto.peerid import PeerId
from gossip.proto.steps import Received, Send
from leaderboard.blob import CHUNK_BYTES, MAX_BLOB_BYTES, BlobHead, BlobId, blob_id, head_of
from leaderboard.errors import PeerError

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "blobs-v1.json"
DATA = Random(1).randbytes(5 * CHUNK_BYTES + 1000)
HEAD = head_of(DATA)
BLOB = HEAD.id
Answerer = Callable[[bytes], list[bytes]]


def chunk(index: int, data: bytes = DATA) -> bytes:
    return data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]


def honest(data: bytes = DATA) -> Answerer:
    """Answers by the real server machine."""
    server, head = BlobServer(), head_of(data)

    def answer(question: bytes) -> list[bytes]:
        todo, out = deque(server.handle(Received(question), 0.0)), []
        while todo:
            match todo.popleft():
                case Send(sent):
                    out.append(sent)
                case Look(blob):
                    todo.extend(server.handle(Found(head if blob == head.id else None), 0.0))
                case Load(blob, index):
                    here = chunk(index, data) if blob == head.id else None
                    todo.extend(server.handle(Loaded(here or None), 0.0))
        return out

    return answer


def lying(change: Callable[[bytes], bytes], after: int = 0) -> Answerer:
    """Honest for `after` frames, then each frame is changed."""
    inner, count = honest(), 0

    def answer(question: bytes) -> list[bytes]:
        nonlocal count
        out = []
        for sent in inner(question):
            out.append(sent if count < after else change(sent))
            count += 1
        return out

    return answer


@dataclass
class World:
    """Peers by name and what they answer; None cannot be reached. Frames come in a random order of peers."""

    peers: dict[str, Answerer | None]
    seed: int = 0
    most: int = MAX_BLOB_BYTES
    blob: BlobId = BLOB
    slow: frozenset[str] = frozenset()
    have: frozenset[int] = frozenset()
    """Chunks that an earlier fetch left."""
    now: float = 0.0
    blamed: dict[str, str] = field(default_factory=dict)
    reserved: list[int] = field(default_factory=list)
    written: dict[int, bytes] = field(default_factory=dict)
    wire: dict[str, deque[bytes]] = field(default_factory=dict)
    heard: dict[str, int] = field(default_factory=dict)

    def run(self) -> str:
        """Until the end; why it failed, or nothing."""
        self.machine = BlobFetch(self.blob, self.most, map(PeerId, self.peers))
        random = Random(self.seed)
        why = self.feed(Begun())
        for _ in range(10_000):
            if why is not None:
                return why
            self.now += 0.01
            moving = [p for p, frames in self.wire.items() if frames and p not in self.slow]
            if moving:
                why = self.arrive(random.choice(moving))
            elif self.slow and self.now < 500 and (late := [p for p in self.slow if self.wire.get(p)]):
                # A second without a frame from anybody, and one of the slow ones at last gives something.
                self.now += 1.0
                why = self.feed(Tick())
                if why is None and random.random() < 0.1:
                    why = self.arrive(random.choice(late))
            else:
                why = self.silence()
        raise AssertionError("the fetch does not end")

    def arrive(self, peer: str) -> str | None:
        self.heard[peer] = self.heard.get(peer, 0) + 1
        sent = self.wire[peer].popleft()
        if not self.machine.expects(PeerId(peer)):
            return None
        return self.feed(Heard(PeerId(peer), sent))

    def silence(self) -> str | None:
        """Nothing moves: the deadline of whoever owes something passes."""
        for peer in self.peers:
            if self.machine.expects(PeerId(peer)):
                self.now += 10.0
                return self.feed(Lost(PeerId(peer)))
        self.now += 1.0
        return self.feed(Tick())

    def feed(self, event: steps.FetchEvent) -> str | None:
        todo = deque(self.machine.handle(event, self.now))
        while todo:
            match todo.popleft():
                case steps.Dial(peer):
                    reached = self.peers[peer] is not None
                    todo.extend(self.machine.handle(Ready(peer) if reached else Lost(peer), self.now))
                case steps.Tell(peer, question):
                    answerer = self.peers[peer]
                    assert answerer is not None
                    self.wire.setdefault(peer, deque()).extend(answerer(question))
                case steps.Blame(peer, reason):
                    self.blamed[peer] = reason
                case steps.Reserve(head):
                    self.reserved.append(head.size)
                    todo.extend(self.machine.handle(Reserved(self.have), self.now))
                case steps.Write(index, data):
                    assert index not in self.written
                    self.written[index] = data
                    todo.extend(self.machine.handle(Written(index), self.now))
                case steps.Finish(why):
                    return why
        return None

    @property
    def data(self) -> bytes:
        return b"".join(self.written[index] for index in sorted(self.written))


def test_a_blob_from_one_peer() -> None:
    world = World({"a": honest()})
    assert world.run() == ""
    assert world.data == DATA
    assert world.reserved == [len(DATA)]


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 40 * CHUNK_BYTES])
def test_sizes_at_the_edges_of_chunks(size: int) -> None:
    data = Random(size).randbytes(size)
    world = World({"a": honest(data), "b": honest(data)}, blob=blob_id(data))
    assert world.run() == ""
    assert world.data == data


def test_several_peers_share_the_work() -> None:
    data = Random(3).randbytes(60 * CHUNK_BYTES)
    world = World({name: honest(data) for name in "abcde"}, blob=blob_id(data), seed=4)
    assert world.run() == ""
    assert world.data == data
    assert sorted(world.heard) == ["a", "b", "c"]  # three at once, and all of them worked
    assert sum(world.heard.values()) == 60 + 3  # every chunk once, and three heads
    assert min(world.heard.values()) > 5


@given(have=st.frozensets(st.integers(0, 5)), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_what_is_there_already_is_not_asked_for_again(have: frozenset[int], seed: int) -> None:
    world = World({name: honest() for name in "ab"}, have=have, seed=seed)
    assert world.run() == ""
    assert set(world.written) == set(range(HEAD.chunks)) - have
    assert sum(world.heard.values()) <= HEAD.chunks - len(have) + 2


LIES: dict[str, Callable[[bytes], bytes]] = {
    "garbage": lambda _: b"\xff" * 100,
    "another version": lambda sent: b"\x09" + sent[1:],
    "a flipped byte at the end": lambda sent: sent[:-1] + bytes([sent[-1] ^ 1]),
    "another chunk": lambda _: Chunk(b"x" * CHUNK_BYTES).encode(),
    "a short chunk": lambda _: Chunk(b"x").encode(),
    "an empty chunk": lambda _: frame(121, b""),
    "a long chunk": lambda _: frame(121, bytes(CHUNK_BYTES + 1)),
    "another blob's head": lambda _: Head(head_of(b"another")).encode(),
    "a head of huge size": lambda _: frame(120, 1 << 60, b""),
    "a head without digests": lambda _: frame(120, CHUNK_BYTES, b""),
    "a head of negative size": lambda _: frame(120, -1, b""),
    "a question": lambda _: Find(BLOB).encode(),
    "an answer of sync": lambda _: frame(16),
}


@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("name", LIES)
def test_a_liar_is_blamed_and_replaced(name: str, after: int) -> None:
    world = World({"liar": lying(LIES[name], after), "a": honest()})
    assert world.run() == ""
    assert world.data == DATA
    assert list(world.blamed) == (["liar"] if world.heard["liar"] > after else [])
    assert after == 2 or world.blamed


@pytest.mark.parametrize("name", LIES)
def test_with_liars_only_nothing_is_kept_that_is_wrong(name: str) -> None:
    world = World({"x": lying(LIES[name], 2), "y": lying(LIES[name])})
    assert "no connected peer" in world.run()
    assert set(world.blamed) == {"x", "y"}
    assert all(HEAD.holds(index, data) for index, data in world.written.items())


@pytest.mark.parametrize("answer", [Absent(), Busy()])
def test_absence_and_refusal_cost_nothing(answer: Absent | Busy) -> None:
    refusing: Answerer = lambda _: [answer.encode()]  # noqa: E731
    world = World({"x": refusing, "y": None, "a": honest()})
    assert world.run() == ""
    assert not world.blamed
    assert "no connected peer" in World({"x": refusing, "y": None}).run()


def test_a_busy_peer_is_asked_again_for_a_while() -> None:
    inner, refusals = honest(), [5]

    def answer(question: bytes) -> list[bytes]:
        refusals[0] -= 1
        return inner(question) if refusals[0] < 0 else [Busy().encode()]

    world = World({"busy": answer})
    assert world.run() == ""
    assert world.data == DATA
    assert 8 < world.now < 20
    always = World({"busy": lambda _: [Busy().encode()]})
    assert "no connected peer" in always.run()
    assert always.heard["busy"] == 8


def test_a_peer_that_loses_the_blob_half_way() -> None:
    inner, left = honest(), [3]

    def answer(question: bytes) -> list[bytes]:
        out = inner(question)[: left[0]]
        left[0] -= len(out)
        return out if left[0] > 0 else [*out, Absent().encode()]

    world = World({"x": answer, "a": honest()})
    assert world.run() == ""
    assert world.data == DATA
    assert not world.blamed


def test_silent_peers_are_given_up_without_blame() -> None:
    world = World({"x": lambda _: [], "y": lambda _: [], "z": lambda _: [], "a": honest()})
    assert world.run() == ""
    assert not world.blamed
    assert world.now < 12  # the others' deadlines were not waited for one after the other


def test_trickling_peers_delay_nobody_who_has_an_alternative() -> None:
    data = Random(3).randbytes(100 * CHUNK_BYTES)
    slow = frozenset(f"slow {i}" for i in range(6))
    peers: dict[str, Answerer | None] = {name: honest(data) for name in [*sorted(slow), "quick"]}
    world = World(peers, blob=blob_id(data), slow=slow, seed=2)
    assert world.run() == ""
    assert world.data == data
    assert world.heard["quick"] > 80
    assert world.now < 30


def test_a_blob_beyond_the_callers_limit_is_never_begun() -> None:
    world = World({"a": honest(), "b": honest()}, most=len(DATA) - 1)
    assert "were allowed" in world.run()
    assert not world.reserved
    assert not world.blamed


def test_nobody_to_ask() -> None:
    assert "no connected peer" in World({}).run()


@given(
    kinds=st.lists(st.sampled_from([*LIES, "honest", "absent", "gone", "silent"]), max_size=9),
    after=st.integers(0, 6),
    seed=st.integers(0, 1 << 20),
)
@settings(max_examples=60, deadline=None)
def test_any_company_with_one_honest_peer_gives_the_blob(kinds: list[str], after: int, seed: int) -> None:
    peers: dict[str, Answerer | None] = {}
    for number, kind in enumerate(kinds):
        other: dict[str, Answerer | None] = {
            "honest": honest(),
            "absent": lambda _: [Absent().encode()],
            "gone": None,
            "silent": lambda _: [],
        }
        peers[f"{kind} {number}"] = other[kind] if kind in other else lying(LIES[kind], after)
    peers["honest"] = honest()
    world = World(dict(sorted(peers.items(), key=lambda _: Random(seed).random())), seed=seed)
    assert world.run() == ""
    assert world.data == DATA
    assert not any(name.startswith(("honest", "absent", "gone", "silent")) for name in world.blamed)


# The answering side


def answers(questions: Iterable[bytes], data: bytes = DATA) -> list[object]:
    server = honest(data)
    return [read_blob_answer(sent) for question in questions for sent in server(question)]


def test_runs_end_after_their_count_or_with_absent() -> None:
    assert answers([Find(BLOB).encode()]) == [Head(HEAD)]
    assert answers([Read(BLOB, 1, 2).encode()]) == [Chunk(chunk(1)), Chunk(chunk(2))]
    assert answers([Read(BLOB, 4, 64).encode()]) == [Chunk(chunk(4)), Chunk(chunk(5)), Absent()]
    assert answers([Read(BLOB, 6, 1).encode()]) == [Absent()]
    assert answers([Find(blob_id(b"else")).encode(), Read(blob_id(b"else"), 0, 3).encode()]) == [Absent()] * 2


def test_one_session_hands_out_a_bounded_number_of_answers() -> None:
    server = honest()
    given = [server(Find(BLOB).encode()) for _ in range(5000)]
    assert given[4095] == [Head(HEAD).encode()]
    assert given[4096] == [Busy().encode()]


@pytest.mark.parametrize(
    "question",
    [
        b"",
        frame(0),
        frame(112, b"short"),
        frame(112, BLOB, 1),
        frame(113, BLOB, -1, 1),
        frame(113, BLOB, 4096, 1),
        frame(113, BLOB, 0, 0),
        frame(113, BLOB, 0, MAX_RUN + 1),
        frame(113, BLOB, True, True),
        Head(HEAD).encode(),
    ],
)
def test_broken_questions(question: bytes) -> None:
    with pytest.raises(PeerError):
        read_blob_question(question)


@given(st.binary(max_size=200))
def test_garbage_is_a_peer_error_and_nothing_else(data: bytes) -> None:
    for read in (read_blob_question, read_blob_answer):
        with pytest.raises(PeerError):
            read(b"\x01" + data)


def frames() -> dict[str, str]:
    data = bytes(range(251)) * 523  # two chunks; as in the vectors, byte i is i modulo 251
    head = head_of(data[: CHUNK_BYTES + 1])
    messages = {
        "Find": Find(head.id),
        "Read": Read(head.id, 0, 64),
        "Head": Head(head),
        "Chunk": Chunk(data[CHUNK_BYTES : CHUNK_BYTES + 1]),
        "Absent": Absent(),
        "Busy": Busy(),
    }
    return {name: message.encode().hex() for name, message in messages.items()}


def test_published_frames() -> None:
    found = json.loads(VECTORS.read_text())
    if os.environ.get("WRITE_VECTORS"):
        VECTORS.write_text(json.dumps({**found, "frames": frames()}, indent=1) + "\n")
        found = json.loads(VECTORS.read_text())
    assert found["frames"] == frames()


def test_a_head_says_what_it_can_prove() -> None:
    assert BlobHead(0, b"").id == blob_id(b"")
    assert not HEAD.holds(6, b"")
    assert not HEAD.holds(-1, chunk(5))
    with pytest.raises(PeerError):
        BlobHead(MAX_BLOB_BYTES + 1, bytes(32 * 4097))
    with pytest.raises(PeerError):
        BlobHead(len(DATA), HEAD.digests[:-32])
