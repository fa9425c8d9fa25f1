"""Devices on CUDA cards: each worker sees its own, and a card without memory is survived.

Run where a card is: `pytest -m gpu tests/gpu`.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.harness.device import open_device
from experiments.harness.kinds import find_cards
from experiments.harness.outcome import Fault, TrialError
from experiments.harness.pool import open_pool
from experiments.recipe import Recipe
from experiments.space import Choice, Setting, Space
from experiments.track import Track
from leaderboard.manifest import TrackManifest

pytestmark = pytest.mark.gpu

FOLDER = Path(__file__).parent / "folder"


@pytest.fixture
async def cards() -> tuple[str, ...]:
    found = await find_cards()
    if not found:
        pytest.skip("no CUDA card here")
    return found


@pytest.fixture
def track(monkeypatch: pytest.MonkeyPatch) -> Track:
    monkeypatch.syspath_prepend(FOLDER)
    space = Space((Setting("conduct", Choice(("sees", "fills", "sums")), "what the runner does"),), ())
    reference = Recipe.complete(space, {"conduct": "sums"}, {})
    manifest = TrackManifest(
        name="cards",
        version=1,
        question="Does the card hold?",
        metric="mean",
        direction="min",
        data=bytes(32),
        budget={"steps": 1},
        reference=reference.to_payload(),
        space=space.describe(),
        tolerance="D3",
        delta_min=0.0,
        effect_bound=1.0,
        author_seeds=4,
        replicator_seeds=4,
        evaluator=1,
    )
    yield Track(manifest, space, reference, "card_runner", "card_examiner", runs_on=("cuda",))
    for name in ("card_runner", "card_examiner"):
        sys.modules.pop(name, None)


def recipe(track: Track, conduct: str) -> Recipe:
    return Recipe.from_payload({"settings": {"conduct": conduct}}, track)


async def test_a_worker_sees_one_card_and_says_which(cards, track) -> None:
    async with open_pool([f"cuda:{card}" for card in range(len(cards))], [FOLDER]) as pool:
        assert pool.runs(track)
        found = await pool.measure(track, recipe(track, "sees"), track.reference, [1], gate=False)
    assert found.candidate == (1.0,)
    assert cards[0] in found.environment


async def test_a_worker_on_the_processor_sees_no_card(cards, track) -> None:
    async with open_device("cpu", [FOLDER]) as device:
        outcome = await device.run(replace(track, runs_on=("cpu",)), recipe(track, "sees"), 1)
    assert outcome.value == 0.0


async def test_a_full_card_is_survived(cards, track) -> None:
    async with open_device("cuda:0", [FOLDER]) as device:
        with pytest.raises(TrialError) as caught:
            await device.run(track, recipe(track, "fills"), 1)
        assert caught.value.fault is Fault.MEMORY
        assert (await device.run(track, track.reference, 1)).value == 3.0
