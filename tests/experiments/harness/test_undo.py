"""Leave one out: names, recipes and measurements of what was undone."""

from __future__ import annotations

from collections import Counter

from experiments.harness.undo import differences, measure_changes
from experiments.recipe import Recipe
from experiments.track import load_track
from leaderboard.measurement import Measurement


def deep(settings=None, slots=None, program=None) -> Recipe:
    parts = {"settings": settings or {}, "slots": slots or {}}
    return Recipe.from_payload({**parts, **({} if program is None else {"program": program})}, TRACK)


TRACK = load_track("deep-mlp")


def test_each_change_is_undone_alone() -> None:
    whole = deep({"lr": 0.015}, {"init_std": "sqrt(2/fan_in)", "lr": "1 - t"}, b"\x01" * 32)
    found = dict(differences(whole, TRACK.reference))
    assert sorted(found) == ["init_std", "lr (setting)", "lr (slot)", "program"]
    assert found["program"] == deep({"lr": 0.015}, {"init_std": "sqrt(2/fan_in)", "lr": "1 - t"})
    assert found["lr (slot)"].number("lr") == 0.015
    assert found["lr (slot)"].slot("lr") == TRACK.reference.slot("lr")
    assert found["lr (setting)"].slot("lr") == whole.slot("lr")
    for without in found.values():
        assert len(differences(whole, without)) == 1


def test_nothing_changed_is_nothing_to_undo() -> None:
    assert differences(TRACK.reference, TRACK.reference) == ()


class Ruler:
    """A device whose metric is the step size; counts what would have to be run."""

    def __init__(self) -> None:
        self.run: Counter[Recipe] = Counter()

    async def measure(self, track, recipe, opponent, seeds, *, gate=True, on_progress=None) -> Measurement:
        self.run[recipe] += len(seeds)
        n = len(seeds)
        mine, theirs = (recipe.number("lr"),) * n, (opponent.number("lr"),) * n
        return Measurement(tuple(seeds), mine, theirs, (False,) * n, "x", 1.0, "none", n)


async def test_the_whole_recipe_is_the_candidate_and_runs_from_the_cache() -> None:
    whole = deep({"lr": 0.015}, {"init_std": "sqrt(2/fan_in)"})
    ruler = Ruler()
    first, second = await measure_changes(ruler, TRACK, whole, TRACK.reference, (1, 2, 3))
    assert (first.name, second.name) == ("init_std", "lr (setting)")
    assert first.measurement.candidate == first.measurement.opponent == (0.015,) * 3
    assert second.measurement.candidate == (0.015,) * 3
    assert second.measurement.opponent == (0.01,) * 3
    assert Recipe.from_payload(second.without, TRACK) == deep({}, {"init_std": "sqrt(2/fan_in)"})
    assert ruler.run[whole] == 0  # only where the device caches
