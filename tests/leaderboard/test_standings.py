"""Standings are a pure function of the set: any order, any duplicates, any batching, incremental or not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Generic, TypeVar
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaderboard.ablation import Ablation, Change
from leaderboard.envelope import Envelope
from leaderboard.evidence import archive
from leaderboard.evidence.seeds import author_seeds
from leaderboard.evidence.standing import Standing
from leaderboard.evidence.synthetic import Actor, Contest
from leaderboard.ids import ContentId
from leaderboard.records import Finding, Note, Profile, Retraction
from leaderboard.standings import Standings
from leaderboard.tables import Codec, MemoryTables, Table

V = TypeVar("V")

CONTEST = Contest()
TRACK = CONTEST.manifest.id


def finding(claim: Envelope, technique: str, slot: str = "init_std") -> Finding:
    return Finding(
        claim=claim.id,
        relation="equal",
        label=f"rediscovery of {technique}",
        technique=technique,
        paper="",
        symbol="",
        mode="fan_in",
        slot=slot,
        gain=1.0,
        strength="confirmed",
        evidence=(),
        catalogue="1",
    )


class World:
    """A small swarm that misbehaves in every way it can; its records, in the order of writing."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.actors = [
            Actor(f"{seed}/{i}", CONTEST, sealed=False, environment=f"env{i % 2}") for i in range(5)
        ]
        self.records: list[Envelope] = [self.actors[0].track()]
        self.claims: list[tuple[Actor, Envelope, float, float]] = []
        self.accepts: list[tuple[Actor, Envelope, float, float]] = []
        for _ in range(self.dice.randint(5, 45)):
            self.step()

    def step(self) -> None:
        actor = self.dice.choice(self.actors)
        steps = [self.claim, self.result, self.accept, self.deliver, self.deliver, self.deliver, self.odd]
        self.dice.choice(steps)(actor)

    def claim(self, actor: Actor) -> None:
        gain = self.dice.choice([-1.0, 0.0, 0.5, 3.0, 6.0])
        against = self.dice.choice([None, *self.claims])
        opponent, base = (None, 0.0) if against is None else (against[1].id, against[2])
        envelope = actor.claim(gain, opponent, text=str(self.dice.random()))
        self.claims.append((actor, envelope, gain, base))
        self.records.append(envelope)

    def result(self, _: Actor) -> None:
        if self.claims:
            author, claim, gain, base = self.dice.choice(self.claims)
            lie = self.dice.choice([0.0, 0.0, 5.0])
            self.records.append(author.result(claim, gain + lie, base))

    def accept(self, actor: Actor) -> None:
        if self.claims:
            _, claim, gain, base = self.dice.choice(self.claims)
            envelope = actor.accept(claim, salt=self.dice.randint(0, 10**6))
            self.accepts.append((actor, envelope, gain, base))
            self.records.append(envelope)

    def deliver(self, actor: Actor) -> None:
        if not self.accepts:
            return self.accept(actor)
        index = self.dice.randrange(len(self.accepts))
        replicator, accept, gain, base = self.accepts[index]
        if self.dice.random() < 0.8:
            self.accepts.pop(index)
        known = [
            r
            for r in self.records
            if r.kind in ("result", "replication") and r.record.claim == accept.record.claim
        ]
        replay = None
        if known:
            source = self.dice.choice(known).record
            own = source.measurement if hasattr(source, "measurement") else source.own
            replay = CONTEST.measure(gain, base, own.seeds[:1])
        shift = self.dice.choice([0.0, 0.0, 0.0, 4.0])
        most = self.dice.choice([None, None, 3])
        self.records.append(
            replicator.deliver(accept, gain, opponent=base, replay=replay, shift=shift, most=most)
        )
        return None

    def odd(self, actor: Actor) -> None:
        target = self.dice.choice(self.records)
        kind = self.dice.randrange(6)
        if kind == 0:
            self.records.append(actor.write(Retraction(target.id, "regret")))
        elif kind == 1 and self.claims:
            claim = self.dice.choice(self.claims)[1]
            self.records.append(actor.write(finding(claim, self.dice.choice(["kaiming", "glorot"]))))
        elif kind == 5 and self.claims:
            _, claim, gain, base = self.dice.choice(self.claims)
            seeds = author_seeds(TRACK, actor.id, 2)
            change = Change("lr", {}, CONTEST.measure(gain, base, seeds))
            self.records.append(actor.write(Ablation(claim.id, None, (change,))))
        elif kind == 2:
            self.records.append(actor.write(Profile(f"n{self.dice.random()}", "s", "d")))
        elif kind == 3:
            self.records.append(actor.write(Note(target.id, "hm")))
        elif self.dice.random() < 0.3 and actor.tip.seq >= 0:
            tip = actor.tip
            self.records.append(actor.write(Note(None, "one")))
            actor.rewind(tip)
            self.records.append(actor.write(Note(None, "two")))


def snapshot(standings: Standings, viewer: bytes) -> object:
    if TRACK not in standings.tracks():
        return None
    return (
        standings.board(TRACK).to_payload(),
        standings.my_board(TRACK, viewer).to_payload(),
        dict(standings.trust(viewer)),
        list(standings.disputes(viewer)),
        standings.contested(viewer),
        dict(standings.profiles()),
        standings.digest(TRACK),
        {author: standings.outstanding(author) for author in standings.authors()},
        {claim: standings.stake(claim) for claim in standings.claims(TRACK)},
        {claim: standings.claim(claim).evidence for claim in standings.claims(TRACK)},
        [(row.rank, row.view.id) for row in standings.top(TRACK, 3)],
    )


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), shuffle=st.randoms(use_true_random=False))
def test_a_function_of_the_set(seed: int, shuffle: random.Random) -> None:
    world = World(seed)
    viewer = world.actors[0].id
    whole = Standings()
    whole.add(world.records)
    arrivals = world.records + [r for r in world.records if shuffle.random() < 0.3]
    shuffle.shuffle(arrivals)
    bit_by_bit = Standings()
    for envelope in arrivals:
        bit_by_bit.add([envelope])
        if shuffle.random() < 0.4 and TRACK in bit_by_bit.tracks():
            bit_by_bit.board(TRACK)
            bit_by_bit.my_board(TRACK, viewer)
            bit_by_bit.top(TRACK, 2)
    assert snapshot(bit_by_bit, viewer) == snapshot(whole, viewer)
    assert bit_by_bit.board(TRACK).digest == whole.board(TRACK).digest


class Disk:
    """Tables as a file would hold them: values in their written form."""

    def __init__(self) -> None:
        self._tables = MemoryTables()
        self._names: list[str] = []

    def table(self, name: str, codec: Codec[V]) -> Table[V]:
        self._names.append(name)
        return Written(self._tables.table(name, RAW), codec)

    def copy(self) -> Disk:
        other = Disk()
        for name in self._names:
            target = other.table(name, RAW)
            for key, value in self._tables.table(name, RAW).scan(b""):
                target.put(key, value)
        return other


class Written(Generic[V]):
    def __init__(self, rows: Table[bytes], codec: Codec[V]) -> None:
        self._rows = rows
        self._codec = codec

    def get(self, key: bytes) -> V | None:
        found = self._rows.get(key)
        return None if found is None else self._codec.read(found)

    def put(self, key: bytes, value: V) -> None:
        written = self._codec.write(value)
        assert self._codec.read(written) == value
        self._rows.put(key, written)

    def drop(self, key: bytes) -> None:
        self._rows.drop(key)

    def scan(self, prefix: bytes, *, backwards: bool = False) -> Iterator[tuple[bytes, V]]:
        for key, value in self._rows.scan(prefix, backwards=backwards):
            yield key, self._codec.read(value)


RAW: Codec[bytes] = Codec(bytes, bytes)


class Shelf:
    """The log of what was taken in, in the order of arrival, without what came twice."""

    def __init__(self) -> None:
        self.records: list[Envelope] = []

    def about(self, claim: ContentId) -> list[Envelope]:
        return [
            record
            for record in self.records
            if record.id == claim or getattr(record.record, "claim", None) == claim
            or getattr(record.record, "target", None) == claim
        ]  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), chance=st.randoms(use_true_random=False))
def test_going_on_from_any_copy_equals_starting_from_nothing(seed: int, chance: random.Random) -> None:
    """Copies are taken at any moment, kills lose what came after the last one, facts are soon forgotten."""
    world = World(seed)
    viewer = world.actors[0].id
    order = list(world.records)
    chance.shuffle(order)
    whole = Standings()
    whole.add(order)
    log, saved, at = Shelf(), Disk(), 0
    tables, done = saved.copy(), 0
    standings = Standings(tables=tables, log=log)
    with patch.object(archive, "_MOST_BYTES", 2_000):
        while done < len(order):
            batch = order[done : done + chance.randint(1, 6)]
            standings.add(batch)
            log.records = order[: done + len(batch)]
            done += len(batch)
            deed = chance.randrange(5)
            if deed == 0 and TRACK in standings.tracks():
                standings.my_top(TRACK, viewer, 2)
            elif deed == 1:
                standings.settle()
                saved, at = tables.copy(), done
            elif deed == 2:
                tables, done, log.records = saved.copy(), at, order[:at]
                standings = Standings(tables=tables, log=log)
        assert snapshot(standings, viewer) == snapshot(whole, viewer)


def test_the_worlds_reach_every_standing() -> None:
    """The law above means little if its worlds never get anywhere."""
    reached: set[Standing] = set()
    for seed in range(600):
        world = World(seed)
        standings = Standings()
        standings.add(world.records)
        reached |= {row.view.standing for row in standings.board(TRACK).rows}
        if reached >= set(Standing) - {Standing.UNSTABLE}:
            return
    pytest.fail(f"only reached {reached}")


def confirmed(*, gain: float = 3.0, replicators: int = 3) -> tuple[Standings, list[Actor], Envelope]:
    actors = [Actor(f"r{i}", CONTEST) for i in range(replicators + 1)]
    author = actors[0]
    claim = author.claim(gain)
    records = [author.track(), claim, author.result(claim, gain)]
    for actor in actors[1:]:
        accept = actor.accept(claim)
        records += [accept, actor.deliver(accept, gain)]
    standings = Standings()
    standings.add(records)
    return standings, actors, claim


def test_confirmed_by_others() -> None:
    standings, _, claim = confirmed()
    board = standings.board(TRACK)
    assert board.leader is not None
    assert board.leader.view.id == claim.id
    assert board.leader.view.standing is Standing.CONFIRMED
    margin = board.leader.view.margin
    assert margin is not None
    assert margin.lower <= 3.0 <= margin.upper


def test_the_author_cannot_replicate_itself() -> None:
    standings, actors, claim = confirmed(replicators=1)
    author = actors[0]
    before = standings.claim(claim.id).evidence.e_value
    accept = author.accept(claim)
    standings.add([accept, author.deliver(accept, 3.0)])
    assert standings.claim(claim.id).evidence.e_value == before
    assert standings.claim(claim.id).standing is Standing.REPLICATED


def test_equivocators_stop_counting_whatever_came_first() -> None:
    standings, actors, claim = confirmed()
    forger = actors[3]
    tip = forger.tip
    first = forger.write(Note(None, "yes"))
    forger.rewind(tip)
    second = forger.write(Note(None, "no"))
    standings.add([first])
    assert standings.claim(claim.id).evidence.replicators == 3
    standings.add([second])
    view = standings.claim(claim.id)
    assert view.evidence.replicators == 2
    assert [share.note for share in view.evidence.shares if share.author == forger.id] == ["equivocated"]


def test_only_the_author_retracts() -> None:
    standings, actors, claim = confirmed()
    standings.add([actors[1].write(Retraction(claim.id, "I dislike it"))])
    assert standings.claim(claim.id).standing is Standing.CONFIRMED
    standings.add([actors[0].write(Retraction(claim.id, "mistake"))])
    assert standings.claim(claim.id).standing is Standing.RETRACTED
    assert standings.board(TRACK).leader is None


def test_a_retracted_replication_still_counts() -> None:
    standings, actors, claim = confirmed()
    facts = standings.facts(claim.id)
    assert facts is not None
    accept = standings.claim(claim.id).evidence
    target = next(key for key, (author, _) in facts.replications.items() if author == actors[1].id)
    standings.add([actors[1].write(Retraction(target, "I like it no more"))])
    assert standings.claim(claim.id).evidence == accept


def test_findings_are_counted_by_author_and_show_disagreement() -> None:
    standings, actors, claim = confirmed()
    standings.add(
        [
            actors[0].write(finding(claim, "kaiming")),
            actors[1].write(finding(claim, "kaiming")),
            actors[1].write(finding(claim, "kaiming")),
            actors[2].write(finding(claim, "glorot")),
        ]
    )
    first, second = standings.board(TRACK).rows[0].view.findings
    assert (first.technique, len(first.authors), first.others) == ("kaiming", 2, 1)
    assert (second.technique, len(second.authors), second.others) == ("glorot", 1, 2)


def test_a_taken_back_finding_is_silent() -> None:
    standings, actors, claim = confirmed()
    wrong = actors[2].write(finding(claim, "glorot"))
    standings.add([wrong])
    assert standings.board(TRACK).rows[0].view.findings
    standings.add([actors[2].write(Retraction(wrong.id, "wrong"))])
    assert not standings.board(TRACK).rows[0].view.findings


def test_unknown_things_raise_key_errors() -> None:
    standings = Standings()
    with pytest.raises(KeyError):
        standings.board(TRACK)
    with pytest.raises(KeyError):
        standings.claim(Actor("x", CONTEST).claim(1.0).id)


def test_my_board_needs_my_own_checks() -> None:
    """Strangers' replications weigh nothing on my board until my own re-run of their seeds agrees."""
    standings, actors, claim = confirmed()
    me = Actor("me", CONTEST)
    assert standings.my_board(TRACK, me.id).leader is None
    accept = me.accept(claim)
    checked = []
    for actor in actors[1:]:
        facts = standings.facts(claim.id)
        assert facts is not None
        checked += [d.own.seeds[0] for d in facts.deliveries.values() if d.commitment.author == actor.id]
    replay = CONTEST.measure(3.0, 0.0, checked)
    standings.add([accept, me.deliver(accept, 3.0, replay=replay)])
    leader = standings.my_board(TRACK, me.id).leader
    assert leader is not None
    assert leader.view.id == claim.id
    assert all(peer.trusted for peer in standings.trust(me.id).values())
