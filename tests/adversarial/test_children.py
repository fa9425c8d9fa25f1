"""Fake children: the far end of the pipe in the hands of the candidate."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from experiments.programs import slots
from experiments.programs.canonical import Program
from experiments.programs.slots import Confinable, SlotProgram
from experiments.sandbox import Code, Rejected, best_level
from leaderboard.errors import Refused

CHILDREN = Path(__file__).parent / "programs" / "children" / "children.py"
EXPECTED = dict(re.findall(r"^def (\w+)\(channel\):  # ([\w-]+)$", CHILDREN.read_text(), re.MULTILINE))


def ask_twice(functions) -> None:
    """A second answer to the first question shows at the second."""
    functions.rates([0.0] * 400)
    functions.rates([0.0] * 400)


@pytest.mark.parametrize("child", EXPECTED)
def test_fake_child(child: str, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        level = best_level()
    except Refused as error:
        pytest.skip(str(error))
    monkeypatch.setattr(slots, "_HOST", CHILDREN)
    monkeypatch.setattr(slots, "_CALL_S", 1.0)
    program = Program(f"# child: {child} \n", frozenset({"schedule"}))
    with SlotProgram(Confinable(program, level), np.random.RandomState(0)) as functions:
        with pytest.raises(Rejected) as caught:
            ask_twice(functions)
        assert caught.value.code is Code(EXPECTED[child])
        assert caught.value.reason.isprintable()
