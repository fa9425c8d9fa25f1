"""The grammar, its precedences, and what it refuses."""

from __future__ import annotations

import doctest
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

import experiments.expr as package
from experiments.expr import MAX_TEXT, Binary, Call, ExprError, Neg, Num, Var, parse


def value(text: str, **environment: float) -> float:
    return parse(text, environment.keys()).evaluate(environment)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2*3", 7.0),
        ("2**3**2", 512.0),
        ("-2**2", -4.0),
        ("(-2)**2", 4.0),
        ("2**-1", 0.5),
        ("2 - 3 - 4", -5.0),
        ("16/4/2", 2.0),
        ("--3", 3.0),
        ("+3", 3.0),
        (".5 + 1e-1 + 2.", 2.6),
        ("pow(2, 10)", 1024.0),
        ("max(1, 5, 3) - min(4, 2)", 3.0),
        ("lookup(1.9, 10, 20, 30)", 20.0),
        ("lookup(-4, 10, 20)", 10.0),
        ("lookup(9, 10, 20)", 20.0),
        ("where(2 > 1, 5, 6)", 5.0),
        ("where(-1, log(-1), 6)", 6.0),
        ("(1 < 2) + (1 >= 2)", 1.0),
        ("floor(-1.5)", -2.0),
        ("sigmoid(0) + tanh(0) + erf(0)", 0.5),
        ("cos(pi) + log(e)", 0.0),
    ],
)
def test_values(text: str, expected: float) -> None:
    assert value(text) == pytest.approx(expected)


def test_variables_come_from_the_caller() -> None:
    assert value("sqrt(2/fan_in)", fan_in=8.0) == 0.5
    assert value("e", e=3.0) == 3.0
    assert parse("a*b + a", {"a", "b", "c"}).variables == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("1 +", "expected"),
        ("1 2", "operator is missing"),
        ("fan_on", "unknown name"),
        ("open(1)", "unknown function"),
        ("x.real", "cannot read"),
        ("sqrt(1, 2)", "takes 1 arguments"),
        ("max(1)", "takes 2 to"),
        ("1 < 2 < 3", "operator is missing"),
        ("(1", "expected"),
        ("1e999", "finite"),
        ("x = 1", "cannot read"),
        ("__import__", "unknown name"),
        ("1;2", "cannot read"),
        ("9" * (MAX_TEXT + 1), "characters"),
        ("(" * 2000 + "1" + ")" * 2000, "nested"),
        ("-" * 2000 + "x", "nested"),
        ("2**" * 1000 + "1", "nested"),
        ("+".join(["1"] * 500), "more than 128"),
        ("+".join(["x"] * 65) + "*1", "nested 65 deep|more than 128"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(ExprError, match=message):
        parse(text, {"x"})


@pytest.mark.parametrize("text", ["1/0", "log(0)", "sqrt(-1)", "(-8)**0.5", "exp(1000)", "1e308*10", "0**-1"])
def test_points_without_a_value(text: str) -> None:
    with pytest.raises(ExprError):
        value(text)


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ExprError, match="'x'"):
        parse("x", {"x"}).evaluate({})


@given(st.text(alphabet="x12.e+-*/()<>=,sqrtmaxlookup _", max_size=60))
def test_garbage_gives_an_expression_or_expr_error(text: str) -> None:
    with suppress(ExprError):
        plain = parse(text, {"x"}).canonical()
        assert parse(plain, {"x"}).canonical() == plain


@given(st.text(max_size=40))
def test_any_text_gives_an_expression_or_expr_error(text: str) -> None:
    with suppress(ExprError):
        plain = parse(text, {"x"}).canonical()
        assert parse(plain, {"x"}).canonical() == plain


def test_constructors_refuse_what_the_parser_refuses() -> None:
    for make in (
        lambda: Num(float("nan")),
        lambda: Var("not a name"),
        lambda: Var("x" * 25),
        lambda: Binary("%", Num(1), Num(2)),
        lambda: Call("eval", (Num(1),)),
        lambda: Call("sqrt", ()),
    ):
        with pytest.raises(ExprError):
            make()


def test_trees_are_built_and_mutated_by_their_children() -> None:
    tree = parse("sqrt(2/x)", {"x"})
    (ratio,) = tree.children
    wider = tree.rebuild((ratio.rebuild((Num(3), Var("x"))),))
    assert str(wider) == "sqrt(3/x)"
    assert (wider.size, wider.depth) == (4, 3)
    assert Neg(Var("x")).rebuild((Num(1),)) == Neg(Num(1))


def test_the_examples_of_the_package_hold() -> None:
    assert doctest.testmod(package).failed == 0
