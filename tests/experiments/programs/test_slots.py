"""Functions across the wall: what is passed, what is asked twice, and what must be a function."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from experiments.programs.canonical import read_program
from experiments.programs.slots import Confinable, SlotProgram, imports
from experiments.sandbox import Code, Rejected, best_level
from leaderboard.errors import Refused


@contextmanager
def running(source: str) -> Iterator[SlotProgram]:
    try:
        level = best_level()
    except Refused as error:
        pytest.skip(str(error))
    with SlotProgram(Confinable(read_program(source), level), np.random.RandomState(1)) as functions:
        yield functions


def test_weights_have_the_shapes_of_the_layers() -> None:
    source = (
        "def initialiser(shape, fan_in, fan_out, layer, depth, rng):\n"
        "    return rng.random(shape) + 10 * layer\n"
    )
    with running(source) as functions:
        first, second = functions.initialise([(3, 5), (5, 2)])
    assert first.shape == (5, 3)
    assert second.shape == (2, 5)
    assert 0 <= first.min() <= first.max() < 1
    assert 10 <= second.min() <= second.max() < 11


def test_a_schedule_is_evaluated_at_its_times() -> None:
    with running("def schedule(t):\n    return 1 - t\n") as functions:
        assert functions.rates([0.0, 0.25, 1.0]).tolist() == [1.0, 0.75, 0.0]


@pytest.mark.parametrize(
    "body",
    ["np.maximum(x, 0.0) ** 2", "max(x, 0.0) ** 2"],
    ids=["arrays", "numbers"],
)
def test_values_and_derivatives_of_an_activation(body: str) -> None:
    with running(f"import numpy as np\n\ndef activation(x):\n    return {body}\n") as functions:
        x = np.linspace(-2.0, 2.0, 30).reshape(5, 6)
        for _ in range(3):
            values, slopes = functions.activate(x)
            assert np.allclose(values, np.maximum(x, 0.0) ** 2, rtol=0, atol=1e-14)
            assert np.allclose(slopes, 2.0 * np.maximum(x, 0.0), rtol=0, atol=1e-9)


def test_a_given_derivative_is_used() -> None:
    source = "def activation(x):\n    return x\n\ndef activation_derivative(x):\n    return 0 * x + 7\n"
    with running(source) as functions:
        _, slopes = functions.activate(np.zeros((2, 2)))
    assert (slopes == 7.0).all()


def test_not_a_number_is_the_runs_business_not_a_rejection() -> None:
    """A hidden value of NaN ends a run as diverged; the function may answer NaN with NaN."""
    with running("def activation(x):\n    return x * 2\n") as functions:
        values, _ = functions.activate(np.array([np.nan, 1.0]))
        functions.activate(np.array([np.nan, 1.0]))
    assert np.isnan(values[0])
    assert values[1] == 2.0


def test_what_depends_on_its_neighbours_is_no_activation() -> None:
    with running("def activation(x):\n    return x - x.mean()\n") as functions:
        functions.activate(np.arange(10.0))
        with pytest.raises(Rejected) as caught:
            functions.activate(np.arange(10.0) + 1)
    assert caught.value.code is Code.IMPURE


REMEMBERS = """
import numpy as np
seen = {}

def activation(x):
    fresh = [value for value in x.tolist() if value not in seen]
    mean = np.mean(fresh) if fresh else 0.0
    seen.update((value, value - mean) for value in fresh)
    return np.array([seen[value] for value in x.tolist()])

def activation_derivative(x):
    return np.ones_like(x)
"""


def test_who_remembers_its_answers_is_found_out_by_one_who_does_not() -> None:
    def trial() -> None:
        with running(REMEMBERS) as functions:
            for start in range(5):  # passes as long as the same process is asked
                functions.activate(np.arange(10.0) + 20 * start)

    with pytest.raises(Rejected, match="fresh process") as caught:
        trial()
    assert caught.value.code is Code.IMPURE


def test_our_own_language_settings_are_not_the_programs() -> None:
    source = "def schedule(t) -> float:\n    return float(schedule.__annotations__['return'] is float)\n"
    with running(source) as functions:
        assert functions.rates([0.0]).tolist() == [1.0]


def test_an_argument_may_be_changed_in_place() -> None:
    source = "import torch\n\ndef activation(x):\n    return torch.nn.functional.relu(x, inplace=True)\n"
    with running(source) as functions:
        values, slopes = functions.activate(np.array([-1.0, 2.0]))
    assert values.tolist() == [0.0, 2.0]
    assert slopes.tolist() == [0.0, 1.0]


def test_a_compiler_that_cannot_run_leaves_functions_as_they_are() -> None:
    source = "import torch\n\n@torch.compile\ndef activation(x):\n    return x * 2\n"
    with running(source) as functions:
        values, _ = functions.activate(np.array([1.5]))
    assert values.tolist() == [3.0]


@pytest.mark.parametrize("text", ["raise_", "'x' * (1 << 40)"])
def test_an_error_that_cannot_be_shown_is_an_error(text: str) -> None:
    source = f"class Odd(Exception):\n    def __str__(self):\n        return {text}\n"
    source += "def schedule(t):\n    raise Odd\n"
    with running(source) as functions, pytest.raises(Rejected) as caught:
        functions.rates([0.0])
    assert caught.value.code is Code.PROGRAM_ERROR


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("import torch.nn as nn", ("numpy", "torch")),
        ("from torch import relu", ("numpy", "torch")),
        ("import numpy", ("numpy",)),
        ("x = 'import torch'", ("numpy",)),
    ],
)
def test_torch_is_loaded_only_for_who_names_it(source: str, wanted: tuple[str, ...]) -> None:
    assert imports(source) == wanted
