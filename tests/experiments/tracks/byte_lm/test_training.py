"""Training: every optimizer learns, every setting acts, runs repeat, and twins stay together."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch

from experiments.harness.device import open_device
from experiments.harness.measure import TWIN_ULPS
from experiments.harness.outcome import agree
from experiments.recipe import Recipe
from experiments.track import Track, installed_tracks
from experiments.tracks.byte_lm.budget import Budget
from experiments.tracks.byte_lm.design import Design
from experiments.tracks.byte_lm.training import rates
from experiments.tracks.byte_lm.updates import newton_schulz
from leaderboard.codec import encode
from leaderboard.fields import Fields
from leaderboard.manifest import TrackManifest

Value = Callable[..., float | None]
UNTAUGHT = 8.0  # bits per byte


def test_loading_imports_neither_torch_nor_numpy() -> None:
    script = (
        "import sys; from experiments.track import load_track; load_track('byte-lm');"
        "print([m for m in ('torch', 'numpy', 'httpx') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_manifest_is_a_record_and_states_the_floor(track: Track) -> None:
    payload = track.manifest.payload()
    assert encode(payload)
    assert TrackManifest.read(Fields(payload, "track")).id == track.id
    assert track.manifest.budget["floor_bits_per_byte"] == 0.733704519
    assert "0.7337" in track.manifest.metric
    assert {"byte-lm", "byte-lm-gpu"} <= set(installed_tracks())


def test_a_run_repeats_to_the_last_digit_and_seeds_differ(value: Value) -> None:
    assert value(seed=3) == value(seed=3)
    assert value(seed=3) != value(seed=4)


def test_the_reference_learns(value: Value) -> None:
    found = value(seed=3)
    assert found is not None
    assert found < 5.5 < UNTAUGHT


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "lion", "muon"])
def test_every_optimizer_learns(value: Value, optimizer: str) -> None:
    lr = {"sgd": 0.5, "adamw": 0.01, "lion": 0.003, "muon": 0.01}[optimizer]
    found = value(seed=5, optimizer=optimizer, lr=lr, slots={"init_std": "0.3/sqrt(fan_in)"})
    assert found is not None
    assert found < 5.0


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 48}, {"depth": 1}, {"heads": 2}, {"kv_heads": 1}, {"mlp_ratio": 2.0}, {"gated": True},
        {"tied": False}, {"norm": "rmsnorm"}, {"norm": "none"}, {"norm_place": "post"}, {"qk_norm": True},
        {"positions": "rotary"}, {"positions": "alibi"}, {"attention": "window", "window": 4},
        {"logit_cap": 2.0}, {"lr": 0.001}, {"beta1": 0.5}, {"beta2": 0.9}, {"weight_decay": 1.0},
        {"warmup": 0.4}, {"clip": 0.01}, {"batch": 8}, {"label_smoothing": 0.2},
        {"slots": {"activation": "max(x, 0)"}}, {"slots": {"lr": "1"}}, {"slots": {"init_std": "0.1"}},
    ],
)  # fmt: skip
def test_every_setting_acts(value: Value, changes: dict) -> None:
    found = value(seed=6, **changes)
    assert found is not None
    assert found != value(seed=6)


def test_a_setting_of_another_optimizer_does_nothing(value: Value) -> None:
    assert value(seed=6, matrix_lr=0.5) == value(seed=6)
    assert value(seed=6, window=3) == value(seed=6)


def test_what_has_no_value_or_does_not_fit_is_a_run_without_one(value: Value) -> None:
    assert value(slots={"init_std": "0 - fan_in"}) is None
    assert value(slots={"init_std": "log(0 - fan_in)"}) is None
    assert value(width=128, depth=6) is None
    assert value(slots={"activation": "exp(x*x*1e6 + 1e3)"}) is None


@pytest.mark.parametrize("changes", [{}, {"optimizer": "muon"}, {"optimizer": "lion", "lr": 0.001}])
def test_twins_agree(value: Value, changes: dict) -> None:
    assert agree(value(seed=7, ulps=TWIN_ULPS, **changes), value(seed=7, **changes))


def test_the_schedule_is_the_curve_times_the_warm_up(track: Track, small: Budget) -> None:
    recipe = Recipe.from_payload({"settings": {"warmup": 0.1}, "slots": {"lr": "1 - t"}}, track)
    found = rates(recipe, Design.of(recipe, small), 100)
    assert found[0] == pytest.approx(0.1)
    assert found[9] == pytest.approx(0.91)
    assert found[50] == pytest.approx(0.5)


def test_newton_schulz_orthogonalises() -> None:
    matrix = torch.randn(12, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for one in (matrix, matrix.t()):
        values = torch.linalg.svdvals(newton_schulz(one))
        assert values.min() > 0.3  # the quintic does not converge to 1 but hovers between 0.7 and 1.2
        assert values.max() < 1.3


@pytest.mark.slow
async def test_a_trial_on_a_device_is_the_run_itself(track: Track) -> None:
    """The real budget in a worker, and again: the same number."""
    async with open_device() as device:
        one = await device.run(track, track.reference, 1000)
        two = await device.run(track, track.reference, 1000)
    assert one.value == two.value
    assert one.value is not None
    assert 1.5 < one.value < 4.0
