"""The corpus: no attack gets a score that it did not earn, no honest program is turned away.

What a header expects:
    rejected CODE ...   one of these codes, and no score
    unmoved             exactly the score of the same program without its attack (He et al.)
    no-better           a score that is no better than He's
    even                kernels: a speed that does not differ from the reference's
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

import pytest

from experiments.programs import slots
from experiments.programs.canonical import read_program
from experiments.programs.slots import Confinable
from experiments.programs.trials import judge
from experiments.recipe import Recipe
from experiments.sandbox import Code, Level, Rejected, best_level, probe
from experiments.track import load_track
from experiments.tracks.kernels.tasks import TASKS
from leaderboard.errors import Refused

PROGRAMS = Path(__file__).parent / "programs"
SEED = 20_26_11

Outcome = float | Code | None
Run = Callable[[str, str, Level], Outcome]


@dataclass(frozen=True)
class Attack:
    """A file of the corpus with its header."""

    name: str
    source: str
    header: dict[str, str]

    @property
    def track(self) -> str:
        return self.header["track"]


def read_attacks() -> list[Attack]:
    """All attacks, by name; what breaks a parser is kept as .txt, out of the way of tools that have one."""
    folder = PROGRAMS / "attacks"
    return [_attack(path) for path in sorted((*folder.glob("*.py"), *folder.glob("*.txt")))]


def _attack(path: Path) -> Attack:
    source = path.read_text()
    lines = [line[2:] for line in source.splitlines() if line.startswith("# ") and ": " in line]
    return Attack(path.stem, source, dict(line.split(": ", 1) for line in lines))


@cache
def _outcome(track_name: str, source: str, level: Level, seed: int = SEED) -> Outcome:
    track = load_track(track_name)
    slots_given = {"init_std": "sqrt(2/fan_in)"} if track_name == "deep-mlp" else {}
    try:
        program = read_program(source)
        recipe = Recipe.from_payload({"slots": slots_given, "program": program.id}, track)
        return judge(track, recipe, Confinable(program, level), seed)
    except Rejected as error:
        return error.code


BUSY = frozenset({Code.DISAGREEMENT, Code.OUTSIDE_CLOCK, Code.TIME_LIMIT})
"""What an honest program may be told on a machine that is busy with something else, once."""


def _patient(track_name: str, source: str, level: Level, seed: int = SEED) -> Outcome:
    """The outcome of a program that should be measured: of the first of three seeds that is not BUSY."""
    outcome: Outcome = None
    for more in range(3):
        outcome = _outcome(track_name, source, level, seed + more)
        if outcome not in BUSY:
            break
    return outcome


HONEST = sorted((PROGRAMS / "honest").glob("*.py"))
HE = (PROGRAMS / "honest" / "he_normal.py").read_text()
EVEN = 0.15  # log2: 11 %, on a machine that runs other tests at the same time
"""The speed of an honest copy is measured to 2 % in bench/sandbox.py; here only a fake would be noticed."""


@pytest.fixture(scope="session")
def run() -> Run:
    """The value of one trial of a source on a track, or the code of its rejection."""
    return _outcome


@pytest.fixture(scope="session", params=list(Level))
def level(request: pytest.FixtureRequest) -> Level:
    """Every level that works here."""
    finding = next(finding for finding in probe().findings if finding.level is request.param)
    if not finding.works:
        pytest.skip(f"{finding.level}: {finding.reason}")
    return finding.level


@pytest.fixture(scope="session")
def best() -> Level:
    """The level that programs get here."""
    try:
        return best_level()
    except Refused as error:
        pytest.skip(str(error))


@pytest.fixture
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """For attacks that do nothing for as long as they may."""
    monkeypatch.setattr(slots, "_LOAD_S", 2.0)
    monkeypatch.setattr(slots, "_CALL_S", 2.0)


def attacks_on(track: str) -> pytest.MarkDecorator:
    chosen = [attack for attack in read_attacks() if attack.track == track]
    return pytest.mark.parametrize("attack", chosen, ids=lambda attack: attack.name)


@pytest.mark.slow
@attacks_on("deep-mlp")
def test_attack(attack: Attack, run: Run, level: Level, request: pytest.FixtureRequest) -> None:
    if "seconds" in attack.header:
        request.getfixturevalue("short_deadlines")
    expected, *codes = attack.header["expect"].split()
    outcome = run(attack.track, attack.source, level)
    if expected == "rejected":
        assert outcome in {Code(code) for code in codes}
        return
    assert isinstance(outcome, float), f"turned away: {outcome}"
    he = run(attack.track, HE, level)
    assert isinstance(he, float)
    assert outcome == he if expected == "unmoved" else outcome > he


@pytest.mark.slow
@attacks_on("kernels")
def test_attack_on_a_speed(attack: Attack, run: Run, best: Level) -> None:
    expected, *codes = attack.header["expect"].split()
    if expected == "rejected":
        assert run(attack.track, attack.source, best) in {Code(code) for code in codes}
        return
    outcome = _patient(attack.track, attack.source, best)
    assert isinstance(outcome, float), f"turned away: {outcome}"
    measured = len(read_program(attack.source).defines & TASKS.keys())  # the others count as 0 in the mean
    even = EVEN * measured / len(TASKS)
    if abs(outcome) >= even:  # a busy machine may be to blame once: then the median of three counts
        again = [_patient(attack.track, attack.source, best, SEED + more) for more in (10, 20)]
        found = [outcome, *(value for value in again if isinstance(value, float))]
        assert len(found) == 3, again
        assert abs(median(found)) < even, found


@pytest.mark.slow
@pytest.mark.parametrize("path", HONEST, ids=lambda path: path.stem)
def test_honest_program_is_not_turned_away(path: Path, best: Level) -> None:
    track = {"kernel": "kernels", "lm": "byte-lm"}.get(path.stem.partition("_")[0], "deep-mlp")
    outcome = _patient(track, path.read_text(), best)
    assert outcome is None or (isinstance(outcome, float) and math.isfinite(outcome)), outcome


def test_the_corpus_is_as_large_as_it_claims() -> None:
    attacks = read_attacks()
    assert len(attacks) >= 120
    assert len(HONEST) >= 50
    classes = {attack.header["class"] for attack in attacks}
    wanted = {
        "metric channel",
        "leakage",
        "budget",
        "statistics",
        "kernels",
        "network",
        "resource exhaustion",
    }
    assert wanted | {"detection"} <= classes


def test_every_header_is_complete() -> None:
    for attack in read_attacks():
        assert {"attack", "class", "track", "expect"} <= attack.header.keys(), attack.name
