"""Strangers' programs: re-run only if the operator says so, behind a wall that stands, from checked text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from experiments.harness.outcome import TrialError
from experiments.programs.canonical import read_program
from experiments.recipe import Recipe
from experiments.sandbox import Level
from experiments.track import load_track
from leaderboard.blob import blob_id
from leaderboard.errors import LocalError, Refused
from leaderboard.evidence.seeds import author_seeds
from leaderboard.measurement import Measurement
from leaderboard.records import Accept, Claim, Result
from node.agent.programs import ProgramRunner
from node.agent.replicate import Replicator

from .room import open_room

HE = (
    "def initialiser(shape, fan_in, fan_out, layer, depth, rng):\n"
    "    return rng.normal(0, (2 / fan_in) ** 0.5, shape)\n"
)
NASTY = "def initialiser(*_):\n    return open('/etc/passwd').read()\n"
TRACK = load_track("deep-mlp")


def carrying(source: str) -> tuple[Recipe, dict[bytes, bytes]]:
    """A recipe with a program, and the blobs that its author serves."""
    program = read_program(source)
    recipe = Recipe.from_payload({"program": program.id}, TRACK)
    return recipe, {program.id: program.source.encode()}


def runner_over(blobs: dict[bytes, bytes]) -> ProgramRunner:
    async def fetch(blob, most_bytes, near):
        if blob not in blobs:
            raise Refused("no connected peer has the blob")
        assert len(blobs[blob]) <= most_bytes
        return blobs[blob]

    return ProgramRunner(fetch)


@pytest.mark.slow
async def test_a_program_is_measured_in_its_sandbox_and_equals_the_law_it_spells() -> None:
    recipe, blobs = carrying(HE)
    assert recipe.program == blob_id(next(iter(blobs.values())))
    found = await runner_over(blobs).measure(TRACK, recipe, TRACK.reference, [5, 6], gate=True)
    assert found.seeds == (5, 6)
    assert found.sandbox in {level.value for level in Level}
    assert found.stable == (True, True)
    for ours, theirs in zip(found.candidate, found.opponent, strict=True):
        assert ours is not None
        assert theirs is not None
        assert ours < theirs - 1.0  # He trains, the reference is dead


async def test_a_program_without_a_score_is_the_candidates_failure() -> None:
    recipe, blobs = carrying(NASTY)
    with pytest.raises(TrialError, match="program-error"):
        await runner_over(blobs).measure(TRACK, recipe, TRACK.reference, [5], gate=False)


async def test_what_nobody_serves_is_refused() -> None:
    recipe, _ = carrying(HE)
    with pytest.raises(Refused, match="no connected peer"):
        await runner_over({}).prepare(recipe, TRACK.reference)
    with pytest.raises(Refused, match="no connected peer"):
        await runner_over({}).measure(TRACK, recipe, TRACK.reference, [5], gate=False)


async def test_text_that_is_not_what_the_id_names_is_not_run() -> None:
    recipe, blobs = carrying(HE)
    forged = dict.fromkeys(blobs, NASTY.encode())
    with pytest.raises(LocalError, match="not what its id names"):
        await runner_over(forged).measure(TRACK, recipe, TRACK.reference, [5], gate=False)


async def test_without_consent_or_text_nothing_is_promised(tmp_path, toy, monkeypatch):
    """The toy track takes programs here; the recipe's program is one that nobody serves."""
    monkeypatch.setattr("node.agent.replicate.now_ms", lambda: 10**15)  # every coin has fallen by then
    open_toy = replace(toy, space=replace(toy.space, programs=True))
    async with open_room(tmp_path, open_toy) as room:
        await room.agent(1)._introduce()
        one = room.bench(1)
        recipe = {"settings": {"x": 0.3, "y": -0.2}, "slots": {}, "program": b"\x07" * 32}
        claim = await one.author.publish(Claim(toy.id, recipe, None, "", None, (), "x", "", True))
        seeds = author_seeds(toy.id, one.author.id, 4)
        numbers = Measurement(seeds, (0.1,) * 4, (2.2,) * 4, (False,) * 4, "here", 2.2, "landlock", 4)
        await one.author.publish(Result(claim.id, numbers))
        refusing, willing = Replicator(room.bench(2)), Replicator(room.bench(3), runner_over({}))
        assert not await refusing.replicate_one()
        assert await willing.replicate_one()  # it looked for the text
        assert not await willing.replicate_one()  # and does not ask again
        assert room.records(Accept) == []
