"""Ablations: what each change contributes, from derived seeds alone, one voice an author."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaderboard.ablation import Ablation, Change
from leaderboard.board.explain import explain
from leaderboard.envelope import open_envelope
from leaderboard.errors import PeerError
from leaderboard.evidence.seeds import author_seeds
from leaderboard.evidence.synthetic import SWARM
from leaderboard.records import Retraction, parse_payload


def ablation(scene, actor, seeds: int = 8, *, without_init: float = 0.0, without_lr: float = 2.8):
    """The whole recipe against itself without its init and without its learning rate."""
    own = author_seeds(scene.contest.manifest.id, actor.id, seeds)

    def change(name: str, gain: float) -> Change:
        return Change(name, {"gain": gain}, scene.contest.measure(scene.gain, gain, own))

    return Ablation(scene.claim.id, None, (change("lr", without_lr), change("init_std", without_init)))


def test_the_greater_cause_comes_first(scene) -> None:
    scene.standings.add([scene.author.write(ablation(scene, scene.author))])
    first, second = scene.view.causes
    assert (first.name, second.name) == ("init_std", "lr")
    assert first.interval is not None
    assert first.interval[0] > 0.0
    assert second.interval is not None
    assert second.interval[0] < 0.0 < second.interval[1]
    told = [line for line in explain(scene.view) if line.startswith("Without its ")]
    assert told == [first.text, second.text]
    assert "may not matter" in second.text
    assert "may not matter" not in first.text


def test_authors_are_pooled_and_each_has_one_voice(scene) -> None:
    helper = scene.actor("helper")
    records = [scene.author.write(ablation(scene, scene.author))]
    records += [helper.write(ablation(scene, helper)), helper.write(ablation(scene, helper, 4))]
    scene.standings.add(records)
    # Eight seeds of each, or four of each where the helper's shorter record is the one that is heard.
    assert {(cause.authors, cause.seeds) for cause in scene.view.causes} <= {(2, 16), (2, 8)}


def test_nobody_decides_by_the_number_of_its_seeds(scene) -> None:
    helper, loud = scene.actor("helper"), scene.actor("loud")
    records = [actor.write(ablation(scene, actor)) for actor in (scene.author, helper)]
    records.append(loud.write(ablation(scene, loud, 200, without_init=scene.gain + 5.0)))
    scene.standings.add(records)
    first = scene.view.causes[0]
    assert (first.name, first.authors, first.seeds) == ("init_std", 3, 24)
    assert first.effect > 0.0  # two of three say so; 200 seeds of one do not outvote them


def test_chosen_seeds_do_not_count(scene) -> None:
    honest = ablation(scene, scene.author)
    chosen = scene.contest.measure(scene.gain, 0.0, (1, 2, 3))
    forged = replace(honest, changes=(replace(honest.changes[0], measurement=chosen),))
    scene.standings.add([scene.author.write(forged)])
    assert scene.view.causes == ()


def test_a_taken_back_ablation_is_silent(scene) -> None:
    record = scene.author.write(ablation(scene, scene.author))
    scene.standings.add([record])
    assert scene.view.causes
    scene.standings.add([scene.author.write(Retraction(record.id, "wrong baseline"))])
    assert scene.view.causes == ()


def test_round_trip_and_refusals(scene) -> None:
    record = scene.author.write(ablation(scene, scene.author))
    assert open_envelope(record.raw, SWARM).record == record.record
    payload = dict(record.record.payload())
    for changes in ([], [7], payload["changes"] * 2, payload["changes"] * 7):
        with pytest.raises(PeerError):
            parse_payload("ablation", {**payload, "changes": changes})
