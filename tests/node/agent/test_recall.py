"""What the checker is told of the swarm's trials, and which ideas are not run because of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from experiments.track import Track, load_track
from leaderboard.ids import ContentId, TrackId, short
from node.agent.briefing import MOST_ROWS
from node.agent.checker import NoveltyChecker
from node.agent.recall import MOST_TOLD, Recall, _error_of_median, _measured

TRACK = TrackId(b"\x01" * 32)


class Board:
    """Standings with one claim; counts what is read."""

    def __init__(self, *views: SimpleNamespace) -> None:
        self.views = list(views)
        self.asked: list[int] = []

    def first(self, _track: TrackId, most: int) -> list[SimpleNamespace]:
        self.asked.append(most)
        return [SimpleNamespace(view=view) for view in self.views[:most]]

    def profile(self, _author: bytes) -> None:
        return None

    def claim(self, claim: ContentId) -> SimpleNamespace:
        return next(view for view in self.views if view.id == claim)


def claimed(track: Track, number: int, effect: float) -> SimpleNamespace:
    slots = dict(track.reference.slots) | {"init_std": f"{number}/1000"}
    payload = {"settings": dict(track.reference.settings), "slots": slots}
    evidence = SimpleNamespace(median=None, ordered=(), author=SimpleNamespace(median=effect))
    claim = SimpleNamespace(recipe=payload)
    identity = ContentId(number.to_bytes(32, "little"))
    return SimpleNamespace(id=identity, author=b"\x02" * 32, claim=claim, evidence=evidence)


def answer(effect: float, noise: float = 0.0, distance: float = 0.0, run: str = "") -> dict[str, object]:
    item = {"words": "tried", "run": run, "effect": effect, "noise": noise, "distance": distance}
    return {"memory": [item]}


def test_only_the_same_deed_without_a_gain_is_a_dead_end() -> None:
    track = load_track("deep-mlp")
    view = claimed(track, 7, -0.1)
    board, recall = Board(view), Recall()
    recall.trials(track, board)
    run = short(view.id)
    assert recall.dead_end(track.id, answer(-0.1, run=run), board) == ("tried", view)
    assert recall.dead_end(track.id, answer(0.01, noise=0.006, run=run), board) is not None
    assert recall.dead_end(track.id, answer(0.01, run=run), board) is None
    assert recall.dead_end(track.id, answer(-0.1, distance=1.0, run=run), board) is None
    assert recall.dead_end(TRACK, answer(-0.1, run=run), board) is None
    assert recall.dead_end(track.id, {"memory": "nonsense"}, board) is None


def test_a_question_costs_what_has_changed() -> None:
    track = load_track("deep-mlp")
    board, recall = Board(*(claimed(track, n, 0.1) for n in range(MOST_TOLD))), Recall()
    first = recall.trials(track, board)
    assert len(first) == MOST_TOLD
    changed = claimed(track, 3, -0.5)
    board.views[3] = changed
    board.views.insert(0, claimed(track, MOST_TOLD + 1, 0.2))
    second = recall.trials(track, board)
    assert board.asked == [MOST_TOLD, MOST_ROWS]
    assert sum(a is b for a in first for b in second) == MOST_TOLD - 1
    assert [trial["effect"] for trial in second if trial["run"] == short(changed.id)] == [pytest.approx(-0.5)]
    assert len(second) == MOST_TOLD + 1


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
