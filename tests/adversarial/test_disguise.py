"""The attack with memorised weights is real, and it is the disguise that stops it."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.programs.canonical import read_program
from experiments.programs.slots import Confinable
from experiments.programs.trials import judge
from experiments.recipe import Recipe
from experiments.sandbox import best_level
from experiments.track import load_track
from experiments.tracks.deep_mlp import programmed
from leaderboard.errors import Refused

ATTACK = Path(__file__).parent / "programs" / "attacks" / "embedded_weights.py"


@pytest.mark.slow
def test_without_the_disguise_memorised_weights_win(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        code = Confinable(read_program(ATTACK.read_text()), best_level())
    except Refused as error:
        pytest.skip(str(error))
    track = load_track("deep-mlp")
    recipe = Recipe.from_payload({"program": code.program.id}, track)
    honest = judge(track, recipe, code, 7)
    monkeypatch.setattr(programmed, "_disguised", lambda weights, seed: weights)
    cheating = judge(track, recipe, code, 7)
    assert cheating is not None
    assert cheating < 0.15
    assert honest is None or honest > 1.0
