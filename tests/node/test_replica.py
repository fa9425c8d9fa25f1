"""The node's replica: durable before visible, the same after a restart, and nobody misses a record."""

from __future__ import annotations

from contextlib import closing

import pytest
import trio

from gossip.proto.peerid import peer_id_of
from gossip.proto.riblt import Keys
from gossip.proto.summary import Summary
from leaderboard.admission import Allowance, Rate
from leaderboard.envelope import ChainTip, Envelope, content_id, seal
from leaderboard.evidence.synthetic import SWARM, Actor, Contest
from leaderboard.ids import AuthorId
from leaderboard.ledger import Verdict
from leaderboard.records import Note
from leaderboard.signing import Signer
from node import refusals
from node.author import Author
from node.errors import Misuse
from node.replica import Entrance, NodeReplica
from node.signatures import LEAST
from node.store import Store


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "records.db", SWARM) as opened:
        yield opened


def _history() -> list[bytes]:
    """A track, a claim with its result, and two replications."""
    contest = Contest()
    ada, bob, cyd = (Actor(name, contest) for name in ("ada", "bob", "cyd"))
    claim = ada.claim(3.0)
    records = [ada.track(), claim, ada.result(claim, 3.0)]
    for peer in (bob, cyd):
        accept = peer.accept(claim)
        records += [accept, peer.deliver(accept, 3.0)]
    return [record.raw for record in records]


async def test_admitted_records_are_on_the_disk_and_in_the_standings(store):
    replica = NodeReplica(store, SWARM)
    history = _history()
    verdicts = await replica.admit([*history, b"garbage"], "peer")
    assert [v.verdict for v in verdicts] == [Verdict.ACCEPT] * len(history) + [Verdict.REJECT]
    assert len(replica) == store.count() == replica.cursor == len(history)
    (track,) = replica.standings.tracks()
    assert replica.standings.board(track).rows[0].view.standing.value == "confirmed"


async def test_a_restart_gives_the_same_board(store):
    before = NodeReplica(store, SWARM)
    await before.admit(_history(), "peer")
    after = NodeReplica(store, SWARM)
    await after.load()
    (track,) = before.standings.tracks()
    assert after.standings.board(track).digest == before.standings.board(track).digest
    assert after.cursor == before.cursor


async def test_whoever_waits_hears_of_every_batch(store):
    replica = NodeReplica(store, SWARM)
    heard: list[int] = []

    async def listen() -> None:
        cursor = 0
        while cursor < 3:
            cursor = await replica.wait_beyond(cursor)
            heard.append(cursor)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        history = _history()
        await replica.admit(history[:1], "")
        await trio.testing.wait_all_tasks_blocked()
        await replica.admit(history[1:3], "")
    assert heard == [1, 3]


async def test_gossip_reads_what_the_store_holds(store):
    replica = NodeReplica(store, SWARM)
    history = _history()
    ids = [answer.id for answer in await replica.admit(history, "")]
    page = replica.log(0, 3)
    assert list(page.ids) == ids[:3]
    assert page.cursor == 3
    assert list(replica.log(page.cursor, 100).ids) == ids[3:]
    assert replica.log(len(ids), 5).cursor == len(ids)
    assert list(replica.ids_between(b"", b"", 100)) == sorted(ids)
    assert list(replica.ids_between(sorted(ids)[1], sorted(ids)[3], 100)) == sorted(ids)[1:3]
    assert replica.envelopes([ids[2], b"\x00" * 32, ids[0]]) == [history[2], history[0]]
    assert ids[0] in replica
    assert b"\x00" * 32 not in replica


async def test_an_author_chains_its_records_and_opens_a_new_chain_after_a_restart(store):
    replica = NodeReplica(store, SWARM)
    author = Author(Signer(b"\x07" * 32), replica)
    first, second = await author.publish(Note(None, "1")), await author.publish(Note(None, "2"))
    assert (first.seq, second.seq, second.prev) == (0, 1, first.id)
    again = await Author(Signer(b"\x07" * 32), replica).publish(Note(None, "3"))
    assert again.seq == 0
    assert again.chain != first.chain
    assert replica.standings.identity(author.id).equivocated is False


async def test_records_of_one_author_are_signed_one_at_a_time(store):
    replica = NodeReplica(store, SWARM)
    author = Author(Signer(b"\x07" * 32), replica)
    async with trio.open_nursery() as nursery:
        for number in range(8):
            nursery.start_soon(author.publish, Note(None, str(number)))
    assert sorted(item.envelope.seq for item in replica.page(0)) == list(range(8))
    assert replica.standings.identity(author.id).equivocated is False


async def test_a_cancelled_admission_is_still_shown_or_not_made(store):
    replica = NodeReplica(store, SWARM)
    with trio.CancelScope() as scope:
        scope.cancel()
        await replica.admit(_history(), "")
    assert len(replica) == store.count()


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 101])
async def test_records_looked_at_in_threads_keep_their_order(store, count):
    contest = Contest()
    ada = Actor("ada", contest)
    raws = [ada.write(Note(None, str(number))).raw for number in range(count)]
    forged = {number for number in range(count) if number % 7 == 3}
    offered = [raw[:-1] + bytes([raw[-1] ^ 1]) if n in forged else raw for n, raw in enumerate(raws)]
    replica = NodeReplica(store, SWARM)
    answers = await replica.admit(offered, "")
    assert [answer.verdict is Verdict.REJECT for answer in answers] == [n in forged for n in range(count)]
    kept = [raw for n, raw in enumerate(raws) if n not in forged]
    assert [stored.envelope.raw for stored in replica.page(0)] == kept
    assert len(replica) == len(kept)


async def test_large_batches_are_checked_in_other_processes_with_the_same_verdicts(store):
    ada = Actor("ada", Contest())
    raws = [ada.write(Note(None, str(number))).raw for number in range(2 * LEAST)]
    with closing(NodeReplica(store, SWARM)) as replica:
        await replica.admit(raws[:LEAST], "")  # starts the workers
        with trio.fail_after(60):
            while not replica._verifiers._ready():  # noqa: ASYNC110 - nobody is told
                await trio.sleep(0.01)
        forged = [raw[:-1] + bytes([raw[-1] ^ 1]) for raw in raws[:5]]
        offered = [*forged, *raws[LEAST - 10 :], b"no record", raws[-1]]
        answers = await replica.admit(offered, "")
        assert replica._verifiers._workers
    said = [(answer.verdict, answer.reason) for answer in answers]
    assert said[:5] == [(Verdict.ACCEPT, "known")] * 5
    assert said[5:15] == [(Verdict.ACCEPT, "known")] * 10
    assert said[15:-2] == [(Verdict.ACCEPT, "")] * LEAST
    assert said[-2][0] is Verdict.REJECT
    assert said[-1] == (Verdict.ACCEPT, "known")
    assert [stored.envelope.raw for stored in replica.page(0)] == raws


async def test_a_refused_author_is_left_out_of_everything_and_comes_back(store, tmp_path):
    replica = NodeReplica(store, SWARM)
    history = _history()
    ids = [answer.id for answer in await replica.admit(history, "")]
    bob = store.envelopes([ids[3]])[0].author
    (track,) = replica.standings.tracks()
    before = replica.standings.board(track).digest
    summary, keys = Summary(Keys.of(SWARM)), []
    summary.catch_up(replica)
    full = summary.view()

    await replica.refuse(frozenset({bob}))
    left = [item for item in ids if item in replica]
    assert len(left) == len(ids) - 2 == len(replica)
    assert set(replica.ids_between(b"", b"", 100)) == set(left)
    assert len(replica.envelopes(ids)) == len(left)
    assert replica.refuses(peer_id_of(bob))
    assert bob not in replica.standings.authors()
    assert replica.standings.board(track).digest != before
    while summary.catch_up(replica):
        keys.append(1)
    assert summary.view().size == len(left)
    assert summary.view().digest != full.digest
    # what is refused is neither asked for again nor taken in, though it is still on the disk
    assert not any(replica.wanted(item[:16]) for item in ids)
    more = Actor("bob", Contest()).accept(Actor("dan", Contest()).claim(1.0))
    (answer,) = await replica.admit([more.raw], "peer")
    assert answer.verdict is Verdict.IGNORE
    assert not replica.wanted(more.id[:16])

    again = NodeReplica(store, SWARM, Entrance(refused=frozenset({bob})))
    await again.load()
    assert len(again) == len(left)
    assert again.standings.board(track).digest == replica.standings.board(track).digest

    await replica.refuse(frozenset())
    assert len(replica) == len(ids)
    assert replica.standings.board(track).digest == before
    while summary.catch_up(replica):
        keys.append(1)
    assert summary.view().digest == full.digest
    assert replica.wanted(more.id[:16])


async def test_what_is_over_a_quota_is_put_off_and_gets_in_later(store, autojump_clock):
    replica = NodeReplica(store, SWARM, Entrance(allowance=Allowance(author=Rate(2500.0, 100.0))))
    chain = [note.raw for note in _notes(Signer(b"\x05" * 32), 8)]
    verdicts = [answer.verdict for answer in await replica.admit(chain, "peer")]
    assert verdicts.count(Verdict.ACCEPT) in range(4, 7)
    late = [raw for raw, verdict in zip(chain, verdicts, strict=True) if verdict is Verdict.IGNORE]
    prefixes = [content_id(raw)[:16] for raw in late]
    assert not any(map(replica.wanted, prefixes))
    await trio.sleep(60.0)
    assert all(map(replica.wanted, prefixes))
    assert {answer.verdict for answer in await replica.admit(late, "peer")} == {Verdict.ACCEPT}


def _notes(signer: Signer, count: int, text: str = "") -> list[Envelope]:
    tip, made = ChainTip(bytes(16), -1, None), []
    for number in range(count):
        made.append(seal(Note(None, text + str(number)), signer, SWARM, tip, 5))
        tip = made[-1].tip
    return made


def test_the_refuse_list_survives_and_says_what_is_wrong_with_it(tmp_path):
    path = tmp_path / "refused.txt"
    assert refusals.load(path) == frozenset()
    authors = frozenset(AuthorId(bytes([n]) * 32) for n in range(3))
    refusals.save(path, authors)
    assert refusals.load(path) == authors
    path.write_text(path.read_text() + "bob\n")
    with pytest.raises(Misuse, match="line 4"):
        refusals.load(path)


async def test_an_equivocation_is_proven_however_full_the_quotas_are(store):
    """The node holds one of two envelopes for a place and has no room; the other gets in all the same."""
    replica = NodeReplica(store, SWARM, Entrance(allowance=Allowance(author=Rate(500.0, 1e-6))))
    signer = Signer(b"\x06" * 32)
    (first, second), (rival, *_) = _notes(signer, 2), _notes(signer, 1, "rival")
    (answer,) = await replica.admit([first.raw], "peer")
    assert answer.verdict is Verdict.ACCEPT
    answers = await replica.admit([second.raw, rival.raw], "peer")
    assert [item.verdict for item in answers] == [Verdict.IGNORE, Verdict.ACCEPT]
    assert not replica.wanted(second.id[:16])
    identity = replica.standings.identity(signer.author)
    assert identity is not None
    assert identity.equivocated
    assert {first.id, rival.id} <= set(replica.ids_between(b"", b"", 10))  # both travel on from here


async def test_who_is_not_on_its_own_list_of_members_is_told_so(store):
    members = frozenset({Signer(b"m" * 32).author})
    replica = NodeReplica(store, SWARM, Entrance(members=members))
    with closing(replica), pytest.raises(Misuse, match="list of members") as caught:
        await Author(Signer(b"a" * 32), replica).publish(Note(None, "is anybody there?"))
    assert "admission.members" in caught.value.hint
    assert store.count() == 0


async def test_a_large_batch_is_shown_bit_by_bit_and_what_follows_it_at_once(store):
    ada = Actor("ada", Contest())
    raws = [ada.write(Note(None, str(number))).raw for number in range(302)]
    replica = NodeReplica(store, SWARM)
    await replica.load()
    await replica.admit(raws[:300], "")
    await replica.admit(raws[300:301], "")  # comes after what is not folded yet
    assert (replica.cursor, replica.boards.row) == (301, 0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(replica.keep_boards)
        await replica.wait_caught_up()
        assert replica.boards.row == 301
        nursery.cancel_scope.cancel()
    await replica.admit(raws[301:], "")
    assert (replica.cursor, replica.boards.row) == (302, 302)
    replica.close()
