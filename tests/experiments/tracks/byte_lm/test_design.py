"""Sizes that fit, operations that are counted, and models over the budget."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from experiments.expr import parse
from experiments.recipe import Recipe
from experiments.track import Track
from experiments.tracks.byte_lm.budget import CPU, MIN_STEPS, Budget
from experiments.tracks.byte_lm.design import Design
from experiments.tracks.byte_lm.net import Gpt, draw_weights


def design(track: Track, budget: Budget, **changes: object) -> Design:
    return Design.of(Recipe.from_payload({"settings": changes}, track), budget)


def net_of(made: Design) -> Gpt:
    law = parse("0.02", ("fan_in", "fan_out", "depth", "layer"))
    weights = {matrix.name: values for matrix, values in draw_weights(law, made, 1)}
    return Gpt(made, weights, torch.relu).double()


@given(width=st.integers(8, 96), heads=st.integers(1, 16), kv=st.integers(1, 16), ratio=st.floats(0.5, 8.0))
@settings(max_examples=60, deadline=None)
def test_every_size_fits(track: Track, width: int, heads: int, kv: int, ratio: float) -> None:
    made = design(track, CPU, width=width, heads=heads, kv_heads=kv, mlp_ratio=ratio)
    assert made.width == made.heads * made.head_size
    assert made.head_size % 2 == 0
    assert made.heads % made.kv_heads == 0
    assert made.kv_heads <= kv
    assert made.hidden % 4 == 0


CASES = [
    {},
    {"tied": False, "depth": 3},
    {"gated": True, "heads": 4, "kv_heads": 1},
    {"positions": "rotary", "mlp_ratio": 2.0},
    {"positions": "alibi", "norm": "none"},
    {"positions": "sinusoidal", "norm": "rmsnorm", "norm_place": "post", "qk_norm": True},
]


@pytest.mark.parametrize("changes", CASES)
def test_operations_are_those_that_torch_counts(track: Track, small: Budget, changes: dict) -> None:
    made = design(track, small, width=16, batch=2, **changes)
    net, text = net_of(made), torch.zeros((2, small.context), dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        net(text).sum().backward()
    # Torch counts attention over the whole square, and nothing for the gradient of the first input's bytes.
    square = 3 * 4 * made.depth * made.width * small.context * small.context * 2
    masked = square * (small.context + 1) / 2 / small.context
    assert made.flops_per_step() == pytest.approx(counter.get_total_flops() - square + masked, rel=0.02)


def test_a_window_of_attention_costs_less_and_muon_more(track: Track) -> None:
    plain = design(track, CPU)
    assert design(track, CPU, attention="window", window=8).flops_per_step() < plain.flops_per_step()
    assert design(track, CPU, optimizer="muon").flops_per_step() > plain.flops_per_step()


def test_larger_models_stop_earlier_and_the_largest_have_no_run(track: Track) -> None:
    steps = [
        design(track, CPU, width=w, depth=d, batch=16).steps(CPU) for w, d in ((16, 1), (32, 2), (48, 3))
    ]
    assert None not in steps
    assert steps == sorted(steps, reverse=True)
    assert steps[0] == CPU.tokens // (CPU.context * 16)
    assert steps[-1] * design(track, CPU, width=48, depth=3, batch=16).flops_per_step() <= CPU.flops
    huge = design(track, CPU, width=128, depth=6, batch=64)
    assert huge.steps(CPU) is None
    assert CPU.flops // huge.flops_per_step() < MIN_STEPS


@pytest.mark.parametrize("changes", [*CASES, {"attention": "window", "window": 5}, {"logit_cap": 5.0}])
def test_no_prediction_depends_on_what_comes_later(track: Track, small: Budget, changes: dict) -> None:
    net = net_of(design(track, small, width=16, **changes))
    text = torch.randint(256, (1, small.context), generator=torch.Generator().manual_seed(1))
    other = text.clone()
    other[0, 20:] = (other[0, 20:] + 1) % 256
    with torch.no_grad():
        one, two = net(text), net(other)
    assert torch.allclose(one[0, :20], two[0, :20], atol=1e-12)
    assert not torch.allclose(one[0, 20:], two[0, 20:], atol=1e-12)


def test_a_window_sees_no_further(track: Track, small: Budget) -> None:
    net = net_of(design(track, small, width=16, depth=1, attention="window", window=4, positions="none"))
    text = torch.randint(256, (1, small.context), generator=torch.Generator().manual_seed(2))
    other = text.clone()
    other[0, :10] = (other[0, :10] + 1) % 256
    with torch.no_grad():
        one, two = net(text), net(other)
    assert torch.allclose(one[0, 13:], two[0, 13:], atol=1e-12)
    assert not torch.allclose(one[0, 12], two[0, 12], atol=1e-12)


@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "rotary", "alibi"])
def test_positions_tell_the_order(track: Track, small: Budget, positions: str) -> None:
    def last(order: list[int], kind: str) -> torch.Tensor:
        net = net_of(design(track, small, width=16, depth=1, positions=kind))
        for value in net.matrices.values():  # weights of 0.02 hardly act
            value.data *= 20
        with torch.no_grad():
            return net(torch.tensor([order]))[0, -1]

    assert torch.allclose(last([1, 2, 3, 4], "none"), last([2, 1, 3, 4], "none"), atol=1e-12)
    assert not torch.allclose(last([1, 2, 3, 4], positions), last([2, 1, 3, 4], positions), atol=1e-9)
