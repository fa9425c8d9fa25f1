"""What the novelty checker is shown of a recipe is what it recognises, and tuning stays tuning."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.novelty.measured import artefact_evidence
from experiments.novelty.verdict import Relation
from experiments.recipe import Recipe
from experiments.track import Track
from experiments.tracks.byte_lm.artefacts import artefacts


def told(track: Track, settings: dict, slots: dict) -> set[str]:
    """Techniques that the probes name for a recipe that differs so from the reference."""
    recipe = Recipe.from_payload({"settings": settings, "slots": slots}, track)
    evidence = artefact_evidence(artefacts(recipe), artefacts(track.reference))
    named = (item for item in evidence if item.relation in (Relation.EQUAL, Relation.SPECIAL_CASE))
    return {item.technique for item in named if item.technique}


@pytest.mark.parametrize(
    ("settings", "slots", "technique"),
    [
        ({"optimizer": "muon"}, {}, "muon"),
        ({"optimizer": "lion"}, {}, "lion"),
        ({"norm": "rmsnorm"}, {}, "rms-norm"),
        ({"positions": "alibi"}, {}, "alibi"),
        ({"label_smoothing": 0.1}, {}, "label-smoothing"),
        ({}, {"activation": "max(x, 0)"}, "relu"),
    ],
)
def test_choices_are_recognised_by_what_they_do(
    track: Track, settings: dict, slots: dict, technique: str
) -> None:
    assert technique in told(track, settings, slots)


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"lr": 0.01}, {"beta2": 0.95}, {"gated": True}, {"positions": "rotary"}, {"qk_norm": True},
        {"warmup": 0.4}, {"width": 64, "heads": 2}, {"tied": False}, {"batch": 16}, {"clip": 0.0},
    ],
)  # fmt: skip
def test_what_is_no_other_technique_is_not_named(track: Track, settings: dict) -> None:
    assert told(track, settings, {}) == set()


def test_an_optimizer_begins_afresh(track: Track) -> None:
    made = artefacts(track.reference).optimizer
    assert made is not None
    place, gradient = np.ones((2, 3)), np.full((2, 3), 0.5)
    one, two = made(), made()
    first = one(place, gradient)
    one(first, -gradient)
    assert (two(place, gradient) == first).all()
    assert (first < place).all()
