"""The same tree on tensors as on floats, with gradients."""

from __future__ import annotations

import math

import pytest
import torch

from experiments.expr import ExprError, parse
from experiments.expr.tensors import TensorOperations, staged

TEXTS = [
    "max(x, 0)",
    "max(x, -1, x**2)",
    "min(x, 2)",
    "x*sigmoid(1.702*x)",
    "0.5*x*(1 + erf(x/sqrt(2)))",
    "where(x, x, 0.1*(exp(x) - 1))",
    "where(x < 0.5, -x, cos(x))",
    "lookup(x, 1, x, 3)",
    "(x >= 0) - (x < -1)",
    "sqrt(abs(x)) + floor(x) + 2**x + log(x**2 + 1)",
    "tanh(x)*sin(3)",
    "max(2, 3)*x",
    "max(0, x)",
    "max(x, x/2, 0)",
    "where(0, x, 2)*x",
    "-(x < 1)*lookup(1, x, -x)",
]
POINTS = [-2.5, -1.0, -0.3, 0.2, 0.5, 1.7, 4.0]


@pytest.mark.parametrize("text", TEXTS)
def test_tensors_and_floats_agree(text: str) -> None:
    tree = parse(text, {"x"})
    x = torch.tensor(POINTS, dtype=torch.float64)
    values = tree.apply({"x": x}, TensorOperations())
    assert isinstance(values, torch.Tensor)
    expected = [tree.evaluate({"x": point}) for point in POINTS]
    assert values.tolist() == pytest.approx(expected, rel=1e-12)
    assert torch.equal(staged(tree, "x")(x), values)


def test_gradients_flow_and_relu_is_flat_at_zero() -> None:
    x = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64, requires_grad=True)
    y = parse("max(x, 0)", {"x"}).apply({"x": x}, TensorOperations())
    assert isinstance(y, torch.Tensor)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 0.0, 1.0]


def test_outside_of_the_domain_is_nan_and_not_an_error() -> None:
    x = torch.tensor([-1.0], dtype=torch.float64)
    for text in ("sqrt(x)", "x + log(-1)", "x*(1/0)", "lookup(1/0, x, 2)"):
        value = parse(text, {"x"}).apply({"x": x}, TensorOperations())
        assert math.isnan(float(value))


@pytest.mark.parametrize("text", ["3", "max(1, 2)", "-(2 - 5)", "where(1 > 2, x, 3)"])
def test_a_staged_constant_fills_the_tensor(text: str) -> None:
    x = torch.zeros(2, 2, dtype=torch.float64)
    assert torch.equal(
        staged(parse(text, {"x"}), "x")(x), torch.full_like(x, parse(text, {"x"}).evaluate({"x": 0}))
    )


def test_a_missing_variable_is_an_error() -> None:
    with pytest.raises(ExprError):
        parse("x", {"x"}).apply({}, TensorOperations())
