"""Laws of the canonical text: a fixed point, the same value, one text for plain rewritings."""

from __future__ import annotations

import mpmath
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from experiments.expr import Binary, Call, Expr, ExprError, Neg, Num, Var, parse

VARIABLES = {"x", "y"}
_SHARP = mpmath.mp.clone()
_SHARP.dps = 60

_numbers = st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5, 3.0, 0.1, -0.3, 6.0, 1e-3, 7.0, 1e16]).map(Num)
_leaves = st.one_of(_numbers, st.sampled_from(["x", "y"]).map(Var))


def _grow(children: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    binary = st.sampled_from(["+", "-", "*", "/", "+", "-", "*", "/", "**", "<", ">="])
    unary = st.sampled_from(["sqrt", "exp", "abs", "tanh", "sin", "log", "floor"])
    return st.one_of(
        st.builds(Neg, children),
        st.builds(Binary, binary, children, children),
        st.builds(lambda name, a: Call(name, (a,)), unary, children),
        st.builds(lambda name, *a: Call(name, a), st.sampled_from(["max", "min"]), children, children),
        st.builds(lambda *a: Call("where", a), children, children, children),
        st.builds(lambda *a: Call("lookup", a), children, children, children),
    )


trees = st.recursive(_leaves, _grow, max_leaves=12)
# Sums and products of these are exact in doubles, so any difference that is left is a wrong rewriting.
_exact_numbers = st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5, 3.0, 6.0, -0.25, 7.0]).map(Num)
exact_trees = st.recursive(
    st.one_of(_exact_numbers, st.sampled_from(["x", "y"]).map(Var)), _grow, max_leaves=10
)


class _Sharp:
    """The expression's operations on 60-digit numbers: an arithmetic in which rounding does not matter."""

    def constant(self, value: float) -> mpmath.mpf:
        return _SHARP.mpf(value)

    def negate(self, value: mpmath.mpf) -> mpmath.mpf:
        return -value

    def binary(self, operator: str, left: mpmath.mpf, right: mpmath.mpf) -> mpmath.mpf:
        if operator in ("<", "<=", ">", ">="):
            # A comparison of nearly equal numbers is decided by rounding, in any arithmetic.
            if left != right and abs(left - right) < 1e-30 * (abs(left) + abs(right)):
                raise ValueError("too close to call")
            return _SHARP.mpf(
                {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]
            )
        if operator == "**":
            if abs(right) > 1e3 or abs(left) > 1e50:
                raise ValueError("too large to compare")
            if (left < 0 and right != int(right)) or (left == 0 and right < 0):
                raise ValueError("no real value")
            return left**right
        return (
            {"+": left + right, "-": left - right, "*": left * right}[operator]
            if operator != "/"
            else left / right
        )

    def call(self, function: str, arguments: tuple[mpmath.mpf, ...]) -> mpmath.mpf:
        first = arguments[0]
        match function:
            case "where":
                return arguments[1] if first > 0 else arguments[2]
            case "lookup":
                return arguments[1 + max(0, min(len(arguments) - 2, int(_SHARP.floor(first))))]
            case "max":
                return max(arguments)
            case "min":
                return min(arguments)
            case "abs":
                return abs(first)
            case "floor":
                if first != int(first) and abs(first - _SHARP.nint(first)) < 1e-25:
                    raise ValueError("too close to call")
                return _SHARP.floor(first)
        if abs(first) > 1e3 or (function in ("log", "sqrt") and first < 0):
            raise ValueError("outside of the domain")
        return getattr(_SHARP, function)(first)


def _sharp_value(expr: Expr, point: dict[str, float]) -> mpmath.mpf | None:
    try:
        value = expr.apply({name: _SHARP.mpf(value) for name, value in point.items()}, _Sharp())
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return value if _SHARP.isfinite(value) else None


@given(trees)
@example(Binary("+", Num(1.0), Binary("+", Num(1.0), Num(-0.3))))
@example(Binary("+", Num(0.0), Binary("+", Num(1.0), Num(0.001))))
@settings(max_examples=400, deadline=None)
def test_canonical_is_a_fixed_point(tree: Expr) -> None:
    try:
        text = tree.canonical()
    except ExprError:  # constants that overflow
        return
    assert parse(text, VARIABLES).canonical() == text


@given(trees)
@settings(max_examples=200, deadline=None)
def test_printed_text_reads_back_with_the_same_meaning(tree: Expr) -> None:
    try:
        text = tree.canonical()
    except ExprError:  # constants that overflow
        return
    assert parse(str(tree), VARIABLES).canonical() == text


@given(
    exact_trees,
    st.sampled_from([-2.7, -1.0, 0.25, 0.6, 1.0, 3.3]),
    st.sampled_from([-1.9, 0.0, 0.4, 2.0, 5.1]),
)
@settings(max_examples=400, deadline=None)
def test_canonical_keeps_the_value(tree: Expr, x: float, y: float) -> None:
    point = {"x": x, "y": y}
    before = _sharp_value(tree, point)
    if before is None:
        return
    after = _sharp_value(parse(tree.canonical(), VARIABLES), point)
    assert after is not None
    assert abs(before - after) <= 1e-30 * (1 + abs(before))


@pytest.mark.parametrize(
    "group",
    [
        ["sqrt(2/x)", "(2/x)**0.5", "sqrt(2*x**-1)", "sqrt(1/(x/2))", "sqrt(1/(0.5*x))**1", "sqrt(4/2/x)"],
        ["x - y", "-y + x", "x + -y", "-(y - x)", "-(-x) - y + 0"],
        ["max(x, 0)", "max(0, x)", "max(max(x, -1), 0)", "max(x, x, 0)", "max(x, -0)"],
        ["1/sqrt(x)", "x**-0.5", "1/x**0.5", "sqrt(x)**-1"],
        ["2*x*y/3", "y*(x*2)/3", "x/(3/(2*y))", "4*x*y/6", "-(-2*x)*y/3", "x*y/1.5"],
        ["x/0.3", "x*(1/0.3)", "2*x/0.6"],
        ["x < y", "y > x"],
        ["0.5*x", "x/2", "x*0.5", "x*2**-1"],
        ["y", "lookup(1, x, y)", "where(0, x, y)", "1*y", "y/1", "pow(y, 1)"],
    ],
)
def test_plain_rewritings_have_one_text(group: list[str]) -> None:
    assert len({parse(text, VARIABLES).canonical() for text in group}) == 1


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("sqrt(2/x)", "sqrt(3/x)"),
        ("x - y", "y - x"),
        ("x/3", "x*0.3333333333333333"),
        ("-x**2", "(-x)**2"),
        ("x/y", "y/x"),
    ],
)
def test_different_expressions_keep_different_texts(left: str, right: str) -> None:
    assert parse(left, VARIABLES).canonical() != parse(right, VARIABLES).canonical()


def test_constants_fold_as_evaluation_would() -> None:
    assert parse("0.1 + x + 0.2", VARIABLES).canonical() == "x + 0.30000000000000004"
    assert parse("1 - 0.3", VARIABLES).canonical() == "0.7"
    assert parse("3*x*0.1", VARIABLES).canonical() == "0.30000000000000004*x"


@pytest.mark.parametrize("text", ["1e300*1e300*x", "1e-200*x*1e-200", "1e308 + 1e308"])
def test_constants_that_overflow_are_refused(text: str) -> None:
    with pytest.raises(ExprError, match="too large or too small"):
        parse(text, VARIABLES).canonical()


def test_a_tree_over_the_bounds_has_no_canonical_text() -> None:
    tree: Expr = Var("x")
    for _ in range(7):
        tree = Binary("+", tree, tree)
    with pytest.raises(ExprError, match="255 nodes"):
        tree.canonical()
