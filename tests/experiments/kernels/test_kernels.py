"""The kernels track: right answers, moving addresses, and two measurements that must agree."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from statistics import median

import numpy as np
import pytest

from experiments.programs.canonical import read_program
from experiments.programs.slots import Confinable
from experiments.sandbox import Code, Rejected, best_level
from experiments.track import load_track
from experiments.tracks.kernels.arena import ARENA_BYTES, Arena
from experiments.tracks.kernels.baseline import BASELINE_SOURCE, baseline
from experiments.tracks.kernels.contender import Call, Contender
from experiments.tracks.kernels.duel import Session, agreed, session
from experiments.tracks.kernels.tasks import TASKS, Task, draw_inputs, draw_shapes
from leaderboard.errors import Refused

tasks = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def right(task: Task, seed: int) -> tuple[Call, np.ndarray]:
    shapes = draw_shapes(task, seed)
    call = Call(task, shapes, draw_inputs(shapes, np.random.default_rng(seed)))
    return call, call.expected.values.astype(np.float32)


@tasks
def test_a_rounded_right_answer_passes_and_a_wrong_one_does_not(task: Task) -> None:
    call, output = right(task, 1)
    call.check(output)
    wrong = output.copy()
    wrong[3] += (
        np.float32(2.0) * np.float32(task.tolerance) * call.expected.scale[3].astype(np.float32) + 1e-5
    )
    with pytest.raises(Rejected) as caught:
        call.check(wrong)
    assert caught.value.code is Code.WRONG_OUTPUT
    wrong[3, 0] = np.nan
    with pytest.raises(Rejected) as caught:
        call.check(wrong)
    assert caught.value.code is Code.NOT_FINITE


@tasks
def test_shapes_follow_the_seed_and_contents_do_not(task: Task) -> None:
    assert draw_shapes(task, 5) == draw_shapes(task, 5)
    assert len({draw_shapes(task, seed) for seed in range(20)}) > 15
    shapes = draw_shapes(task, 5)
    one, other = (draw_inputs(shapes, np.random.default_rng()) for _ in range(2))
    assert [array.shape for array in one] == list(shapes)
    assert not np.array_equal(one[0], other[0])


def test_what_is_right_of_tame_rows_only_is_wrong() -> None:
    """A maximum of some columns overflows on a spike; of normal rows it would pass."""
    call, _ = right(TASKS["softmax"], 4)
    x = call.inputs[0]
    with np.errstate(over="ignore", invalid="ignore"):
        powers = np.exp(x - x[:, ::16].max(axis=1, keepdims=True))
        output = powers / powers.sum(axis=1, keepdims=True)
    with pytest.raises(Rejected):
        call.check(output)


def test_a_crude_gelu_does_not_hide_in_large_products() -> None:
    call, _ = right(TASKS["matmul_gelu"], 4)
    a, b = (array.astype(np.float64) for array in call.inputs)
    z = a @ b
    crude = 0.5 * z * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (z + 0.044715 * z**3)))
    with pytest.raises(Rejected) as caught:
        call.check(crude.astype(np.float32))
    assert caught.value.code is Code.WRONG_OUTPUT


def test_places_do_not_overlap_and_keep_changing() -> None:
    draw = np.random.default_rng(0)
    seen = set()
    with Arena() as arena:
        for _ in range(50):
            sizes = [int(size) for size in draw.integers(4, ARENA_BYTES // 8, size=3)]
            placement = arena.place(sizes, draw)
            spans = sorted(zip(placement, sizes, strict=True))
            assert all(a + size <= b for (a, size), (b, _) in pairwise(spans))
            assert spans[-1][0] + spans[-1][1] <= ARENA_BYTES
            seen.add(placement)
    assert len(seen) > 45


def test_the_arena_keeps_what_is_written() -> None:
    with Arena() as arena:
        array = np.arange(12, dtype=np.float32).reshape(3, 4)
        arena.write(4096, array)
        assert np.array_equal(arena.read(4096, (3, 4)), array)


def found(log2: float, error: float = 0.005) -> Session:
    return Session(log2, error, 20, 1e-3)


def test_two_measurements_that_agree_give_their_mean() -> None:
    assert agreed("t", found(1.0), found(1.04)) == pytest.approx(1.02)


@pytest.mark.parametrize(("one", "other"), [(0.0, 0.2), (6.6, 0.0), (-1.0, 1.0), (2.0, 2.3)])
def test_two_that_differ_give_no_number(one: float, other: float) -> None:
    with pytest.raises(Rejected) as caught:
        agreed("t", found(one), found(other))
    assert caught.value.code is Code.DISAGREEMENT


def test_the_baseline_is_part_of_the_tracks_id() -> None:
    track = load_track("kernels")
    assert track.manifest.data == baseline().id
    assert baseline().id == read_program(BASELINE_SOURCE + "# a comment\n").id
    assert track.space.programs


def confinable(source: str) -> Confinable:
    try:
        return Confinable(read_program(source), best_level())
    except Refused as error:
        pytest.skip(str(error))


def test_a_call_takes_processor_time_and_is_checked() -> None:
    source = "import numpy as np\n\ndef cumsum(x):\n    return np.cumsum(x, axis=1)\n"
    call, _ = right(TASKS["cumsum"], 3)
    with Contender(confinable(source), np.random.default_rng(0), 0) as side:
        assert 1e-5 < side.seconds(call) < 5.0
        side.audit()


def test_work_outside_of_the_clock_is_noticed() -> None:
    source = "import numpy as np\n\ndef cumsum(x):\n    return np.cumsum(x, axis=1)\n"
    call, _ = right(TASKS["cumsum"], 3)
    with Contender(confinable(source), np.random.default_rng(0), 0) as side:
        side.seconds(call)
        side._counted -= 0.5  # as if half a second of its processor time had not been within calls
        with pytest.raises(Rejected) as caught:
            side.audit()
    assert caught.value.code is Code.OUTSIDE_CLOCK


def speedup(task: Task, source: str, fine: Callable[[float], bool]) -> float:
    """log2 of the speed against the baseline; the median of three if the first one is odd."""
    found: list[float] = []
    while len(found) < 3 and not (found and fine(found[0])):
        sides = confinable(source), confinable(BASELINE_SOURCE)
        result = session({task: draw_shapes(task, 2)}, *sides)[task]
        assert math.isfinite(result.error)
        found.append(result.log2_speedup)
    return median(found)


@pytest.mark.slow
def test_an_honest_copy_is_not_faster_than_what_it_copies() -> None:
    """Loose, for a machine that runs other tests; bench/sandbox.py measures goal E6 (1.00 +- 0.02)."""
    source = "import torch\n\ndef topk(x):\n    # same thing\n    return torch.topk(x, 16, dim=1).values\n"
    task = TASKS["topk"]
    assert abs(speedup(task, source, lambda log2: abs(log2) < 0.1)) < 0.1


@pytest.mark.slow
def test_a_program_that_does_the_work_twice_is_half_as_fast() -> None:
    source = (
        "import torch\n\ndef topk(x):\n    torch.topk(x.clone(), 16, dim=1)\n"
        "    return torch.topk(x, 16, dim=1).values\n"
    )
    task = TASKS["topk"]
    assert -1.3 < speedup(task, source, lambda log2: -1.3 < log2 < -0.7) < -0.7


@tasks
def test_the_roofline_lies_well_below_what_is_honest(task: Task) -> None:
    """The reference takes longer than what is called impossible, whichever library multiplies better here."""
    from experiments.tracks.kernels.duel import _check_roofline, _floor_seconds

    shapes = draw_shapes(task, 4)
    floor = _floor_seconds(task, shapes)
    assert 0.0 < floor < 1.0
    _check_roofline(task, shapes, floor)
    with pytest.raises(Rejected) as caught:
        _check_roofline(task, shapes, floor / 100)
    assert caught.value.code is Code.ROOFLINE
