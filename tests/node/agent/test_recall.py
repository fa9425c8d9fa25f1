"""What the checker is told of the swarm's trials, and which ideas are not run because of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from experiments.track import load_track
from leaderboard.ids import ContentId, short
from node.agent.checker import NoveltyChecker
from node.agent.recall import _error_of_median, _measured, dead_end

RUN = ContentId(b"\x07" * 32)


def rows():
    return [SimpleNamespace(view=SimpleNamespace(id=RUN))]


def answer(effect: float, noise: float = 0.0, distance: float = 0.0) -> dict[str, object]:
    item = {"words": "tried", "run": short(RUN), "effect": effect, "noise": noise, "distance": distance}
    return {"memory": [item]}


def test_only_the_same_deed_without_a_gain_is_a_dead_end() -> None:
    assert dead_end(answer(-0.1), rows()) == ("tried", rows()[0].view)
    assert dead_end(answer(0.01, noise=0.006), rows()) is not None
    assert dead_end(answer(0.01), rows()) is None
    assert dead_end(answer(-0.1, distance=1.0), rows()) is None
    assert dead_end(answer(-0.1), []) is None
    assert dead_end({"memory": "nonsense"}, rows()) is None


def test_effects_of_others_come_with_their_noise() -> None:
    ordered = (-0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    evidence = SimpleNamespace(median=0.15, ordered=ordered, author=SimpleNamespace(median=9.0))
    effect, noise = _measured(SimpleNamespace(evidence=evidence))
    assert effect == 0.15
    assert noise == _error_of_median(ordered) == pytest.approx(1.2533 * 0.4 / 1.349 / 8**0.5)
    alone = SimpleNamespace(median=None, ordered=(), author=SimpleNamespace(median=-0.3))
    assert _measured(SimpleNamespace(evidence=alone)) == (-0.3, 0.0)


def trial(track, init_std: str, run: str) -> dict[str, object]:
    slots = dict(track.reference.slots) | {"init_std": init_std}
    return {
        "track": track.name,
        "run": run,
        "peer": "ada",
        "effect": -0.002,
        "noise": 0.003,
        "expressions": slots,
        "settings": dict(track.reference.settings),
    }


@pytest.mark.trio
async def test_another_spelling_of_a_trial_is_recognised_also_after_a_restart() -> None:
    track = load_track("deep-mlp")
    told = [trial(track, "0.7*fan_in**-0.4", "r7"), trial(track, "fan_in**-0.2", "r8")]
    slots = dict(track.reference.slots) | {"init_std": "7/10*exp(-0.4*log(fan_in))"}
    query = {"track": track.name, "expressions": slots, "settings": dict(track.reference.settings)}
    checker = NoveltyChecker()
    try:
        for _ in range(2):
            found = await checker.check(query, told)
            (item,) = found["memory"]
            assert item["words"] == "tried by ada in run r7, effect -0.002, within seed noise"
            assert (item["run"], item["distance"]) == ("r7", 0.0)
            assert (await checker.check(query))["memory"] == []
            await checker.aclose()
    finally:
        await checker.aclose()
