"""An attempt: an effect with its interval, or a stable code; and the process that speaks JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from experiments.programs import attempt as attempting
from experiments.programs.attempt import attempt
from experiments.sandbox import Code, Level, best_level
from experiments.track import Track, load_track
from leaderboard.errors import LocalError, Refused

HE = (
    "def initialiser(shape, fan_in, fan_out, layer, depth, rng):\n"
    "    return rng.normal(0, (2 / fan_in) ** 0.5, shape)\n"
)


@pytest.fixture(scope="module")
def deep_mlp() -> Track:
    return load_track("deep-mlp")


@pytest.mark.parametrize(
    ("recipe", "source", "code"),
    [
        (None, "def schedule(t:\n", Code.PROGRAM_SYNTAX),
        (None, "#" * 40_000, Code.PROGRAM_SIZE),
        ({"slots": {"init_sd": "1"}}, None, Code.RECIPE),
        ({"settings": {"lr": 1e9}}, HE, Code.RECIPE),
        ({"program": b"x" * 32}, None, Code.RECIPE),
        ([1, 2], None, Code.RECIPE),
    ],
)
def test_what_cannot_run_is_rejected_with_a_code(
    deep_mlp: Track, recipe: object, source: str | None, code: Code
) -> None:
    outcome = attempt(deep_mlp, recipe, source, [1])
    assert not outcome.accepted
    assert outcome.rejection is not None
    assert outcome.rejection.code is code
    assert outcome.to_json()["code"] == code.value


def test_programs_only_where_the_track_takes_them(deep_mlp: Track) -> None:
    closed = replace(deep_mlp, space=replace(deep_mlp.space, programs=False))
    outcome = attempt(closed, None, HE, [1])
    assert outcome.rejection is not None
    assert outcome.rejection.code is Code.NOT_ALLOWED


def test_without_a_sandbox_programs_are_refused_and_recipes_are_not(
    deep_mlp: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_here() -> None:
        raise Refused("no sandbox")

    monkeypatch.setattr(attempting, "best_level", none_here)
    outcome = attempt(deep_mlp, None, HE, [1])
    assert outcome.rejection is not None
    assert outcome.rejection.code is Code.SANDBOX_REFUSED


def test_a_card_is_given_behind_bubblewrap_alone(deep_mlp: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempting, "best_level", lambda: Level.LANDLOCK)
    with pytest.raises(Refused, match="behind bubblewrap"):
        attempt(deep_mlp, None, HE, [1], gpu=True)


def test_a_card_must_be_seen_from_inside(deep_mlp: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempting, "best_level", lambda: Level.BUBBLEWRAP)
    monkeypatch.setattr(attempting, "probe_gpu", lambda: "")
    with pytest.raises(Refused, match="sees no GPU"):
        attempt(deep_mlp, None, HE, [1], gpu=True)


@pytest.mark.slow
def test_a_track_that_runs_on_the_processor_refuses_the_card(
    deep_mlp: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempting, "best_level", lambda: Level.BUBBLEWRAP)
    monkeypatch.setattr(attempting, "probe_gpu", lambda: "a card")
    with pytest.raises(Refused, match="run on the processor"):
        attempt(deep_mlp, None, HE, [1], gpu=True)


@pytest.mark.parametrize("seeds", [[], [1, 1], list(range(257))])
def test_impossible_seeds_are_the_callers_fault(deep_mlp: Track, seeds: list[int]) -> None:
    with pytest.raises(LocalError, match="seeds"):
        attempt(deep_mlp, None, None, seeds)


@pytest.mark.slow
def test_a_program_is_measured_and_its_sandbox_recorded(deep_mlp: Track) -> None:
    outcome = attempt(deep_mlp, None, HE, [3, 4])
    assert outcome.accepted
    assert outcome.measurement is not None
    assert outcome.sandbox == outcome.measurement.sandbox == best_level().value
    assert outcome.effect is not None
    assert outcome.effect > 1.0  # the default initialisation is dead at this depth
    assert outcome.wins == 2
    assert outcome.interval is None  # two seeds bound nothing
    told = outcome.to_json()
    assert told["against"] == "the reference recipe of deep-mlp v1, in validation loss (cross-entropy, nats)"
    assert told["effect"] == outcome.effect
    assert told["sandbox"] == outcome.sandbox
    again = attempt(deep_mlp, None, HE + "# nothing new\n", [3, 4])
    assert again.recipe == outcome.recipe
    assert again.measurement is not None
    assert again.measurement.candidate == outcome.measurement.candidate


@pytest.mark.slow
def test_a_recipe_without_a_program_needs_no_sandbox(deep_mlp: Track) -> None:
    outcome = attempt(deep_mlp, {"slots": {"init_std": "sqrt(2/fan_in)"}}, None, [3])
    assert outcome.accepted
    assert outcome.sandbox == "none"
    assert outcome.program is None


def ask(request: object) -> tuple[int, dict[str, object]]:
    text = request if isinstance(request, str) else json.dumps(request)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "experiments.programs.attempt"],
        input=text.encode(),
        capture_output=True,
        check=False,
    )
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return done.returncode, answer


@pytest.mark.slow
@pytest.mark.parametrize(
    "request_text",
    [
        "",
        "[]",
        "{",
        '{"track": 1}',
        '{"track": "no-such-track"}',
        "[" * 10_000,
        '{"track": "deep-mlp", "seeds": 0}',
    ],
)
def test_a_bad_request_is_an_error_and_not_a_verdict(request_text: str) -> None:
    status, answer = ask(request_text)
    assert status == 1
    assert set(answer) == {"error"}


@pytest.mark.slow
def test_the_process_answers_in_json() -> None:
    status, answer = ask({"track": "deep-mlp", "program": HE, "seeds": [9]})
    assert status == 0
    assert answer["accepted"] is True
    status, answer = ask({"track": "deep-mlp", "program": "def schedule(t):\n    return 1 / 0\n", "seeds": 1})
    assert status == 0
    assert (answer["accepted"], answer["code"]) == (False, "program-error")
    assert "ZeroDivisionError" in str(answer["reason"])
