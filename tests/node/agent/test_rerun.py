"""What a replicator does with machines that err, authors that lie and recipes that break workers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from experiments.harness.outcome import Fault, TrialError
from experiments.search.portfolio import embedded
from leaderboard.envelope import Envelope
from leaderboard.records import Accept, Claim, Replication, Result
from node.agent.errands import Errand
from node.agent.replicate import Replicator
from node.agent.research import Researcher
from node.agent.workbench import Workbench

from .room import Room, open_room


class Machine:
    """A device with a fault; `measure` is all that agents ask of it."""

    def __init__(self, device, wrong=lambda recipe, seed, run: 0.0, fails=lambda recipe: False) -> None:
        self._device, self._wrong, self._fails = device, wrong, fails
        self.runs: Counter[int] = Counter()

    async def measure(self, track, recipe, opponent, seeds, **options):
        if self._fails(recipe):
            raise TrialError(Fault.RUNNER, "the candidate raised an error")
        found = await self._device.measure(track, recipe, opponent, seeds, **options)
        values = []
        for seed, value in zip(found.seeds, found.candidate, strict=True):
            self.runs[seed] += 1
            values.append(value + self._wrong(recipe, seed, self.runs[seed]))
        return replace(found, candidate=tuple(values))


async def claimed(room: Room, x: float = 0.3, lie: float = 0.0) -> Envelope:
    """A claim of bench 1 with its result, better than the truth by `lie`."""
    await room.agent(1)._introduce()
    one = room.bench(1)
    recipe = {"settings": {"x": x, "y": -0.2}, "slots": {}}
    claim = await one.author.publish(Claim(room.track.id, recipe, None, "", None, (), "x", "", True))
    if lie:
        one = replace(one, device=Machine(one.device, wrong=lambda *_: -lie))
    await Researcher(one, embedded()).finish(claim.id)
    return claim


def mine(room: Room, number: int, device) -> tuple[Workbench, Replicator]:
    bench = replace(room.bench(number), device=device)
    return bench, Replicator(bench)


async def replicate(room: Room, claim: Envelope, device, number: int = 2) -> Replication | None:
    """One replication by a node with that device; None if it published nothing."""
    _, replicator = mine(room, number, device)
    replicator._choose = lambda: Errand(claim.id, 8)  # whatever the coin says
    before = len(room.records(Replication))
    assert await replicator.replicate_one()
    made = room.records(Replication)
    return made[-1].record if len(made) > before else None


async def test_an_honest_claim_is_run_on_all_seeds_and_replayed_once(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        claim = await claimed(room)
        machine = Machine(room.device)
        made = await replicate(room, claim, machine)
        assert len(made.own.seeds) == 8
        assert set(machine.runs.values()) == {1}
        assert room.replica.standings.claim(claim.id).evidence.check.supporters


async def test_what_contradicts_a_peer_is_run_twice_and_a_glitch_is_not_published(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        claim = await claimed(room)
        (result,) = [envelope.record.measurement for envelope in room.records(Result)]

        def first_time(_, seed, run):
            return 0.5 if seed in result.seeds and run == 1 else 0.0

        machine = Machine(room.device, wrong=first_time)
        made = await replicate(room, claim, machine)
        assert [machine.runs[seed] for seed in made.replay.seeds] == [2]
        assert made.replay.candidate[0] in result.candidate
        assert not room.replica.standings.claim(claim.id).evidence.check.mismatched


async def test_a_liar_gets_one_seed_and_its_number_is_contradicted(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        claim = await claimed(room, lie=1.0)
        machine = Machine(room.device)
        made = await replicate(room, claim, machine)
        assert len(made.own.seeds) == 1
        assert machine.runs[made.replay.seeds[0]] == 2
        evidence = room.replica.standings.claim(claim.id).evidence
        assert len(evidence.check.mismatched) == 1
        assert evidence.overdue == 7  # promised and not run: losses


async def test_a_machine_that_contradicts_itself_says_nothing_about_others(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        claim = await claimed(room)
        made = await replicate(room, claim, Machine(room.device, wrong=lambda _, seed, run: 0.1 * run))
        assert made.replay is None
        assert len(made.own.seeds) == 8


async def test_a_recipe_that_breaks_the_worker_has_diverged_and_the_promise_is_kept(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        claim = await claimed(room)
        broken = Machine(room.device, fails=lambda recipe: recipe.number("x") == 0.3)
        made = await replicate(room, claim, broken)
        assert set(made.own.candidate) == {None}
        assert None not in made.own.opponent
        assert made.replay.candidate == (None,)
        evidence = room.replica.standings.claim(claim.id).evidence
        assert evidence.total.losses == evidence.total.diverged > 0
        assert evidence.check.unstable  # a divergence against a number is no fraud
        assert not evidence.check.mismatched


async def test_a_broken_machine_publishes_nothing_and_stops_promising(tmp_path, toy, monkeypatch):
    monkeypatch.setattr("node.agent.replicate.now_ms", lambda: 10**15)  # every coin has fallen by then
    async with open_room(tmp_path, toy) as room:
        for x in (0.1, 0.15, 0.2, 0.25, 0.35, 0.4):
            await claimed(room, x)
        _, replicator = mine(room, 2, Machine(room.device, fails=lambda _: True))
        done = [await replicator.replicate_one() for _ in range(6)]
        assert done == [True] * 4 + [False] * 2
        assert len(room.records(Accept)) == room.replica.standings.policy.in_flight == 4
        assert room.records(Replication) == []


async def test_a_hopeless_claim_is_not_run_to_the_end(tmp_path, toy, monkeypatch):
    """Worse than the reference on every fresh seed: after enough losses nothing can confirm it."""
    monkeypatch.setattr("node.agent.replicate.now_ms", lambda: 10**15)
    async with open_room(tmp_path, toy) as room:
        claim = await claimed(room)
        (result,) = [envelope.record.measurement for envelope in room.records(Result)]

        def spoilt(recipe, seed, _):
            return 0.0 if seed in result.seeds or recipe.number("x") != 0.3 else 9.0

        machine = Machine(room.device, wrong=spoilt)
        made = [await replicate(room, claim, machine) for _ in range(3)]
        assert len(made[0].own.seeds) == 8
        assert len(made[-1].own.seeds) < 8
        assert mine(room, 2, machine)[1]._choose() is None  # and it does not begin anew
