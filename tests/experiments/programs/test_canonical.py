"""One program has one id, however it is written down; and no source can hurt who reads it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.programs.canonical import MAX_SOURCE_BYTES, program_id, read_program
from experiments.sandbox import Code, Rejected

SOURCE = """
import numpy as np

GAIN = 2.0


def helper(values, scale=1.0):
    total = 0.0
    for value in values:
        total += value * scale
    return total


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    std = np.sqrt(GAIN / fan_in)
    return rng.normal(0.0, helper([std], scale=1.0), shape)
"""


def commented(number: int) -> str:
    """The same program with comments, blank lines and docstrings that nobody else has."""
    draw = random.Random(number)
    lines = []
    for line in SOURCE.splitlines():
        lines.append(line + draw.choice(["", f"  # try {number}", "   "]))
        if line.startswith("def "):
            lines.append(f'    """Variant {number}."""')
        lines += [""] * draw.randrange(2)
    return "\n".join(lines)


def test_what_a_program_reads_of_itself_stays() -> None:
    assert "-> None" in read_program("@register\ndef f(x: int) -> None:\n    return x\n").source
    kept = read_program("from inspect import signature\ndef f(shape: int):\n    return signature(f)\n").source
    assert "shape: int" in kept
    assert "shape" not in read_program("def f(shape: int):\n    return shape\n").source
    frame = "import sys\ndef f(shape):\n    return sys._getframe().f_locals['shape']\n"
    assert "f(shape)" in read_program(frame).source
    called = "from functools import singledispatch\ndef f(x): return 0\ndef g(x: int): return 1\n"
    assert "x: int" in read_program(called + "singledispatch(f).register(g)\n").source


@pytest.mark.parametrize(
    "source",
    [
        "if True:\n    def schedule(t):\n        return 1.0\n",
        "try:\n    import none\nexcept ImportError:\n    def schedule(t):\n        return 1.0\n",
        "for schedule in [abs]:\n    pass\n",
        "\ufeffdef schedule(t):\r\n    return 1.0\r\n",
        "async def schedule(t):\n    return 1.0\n",
    ],
)
def test_names_are_found_wherever_they_are_bound(source: str) -> None:
    assert "schedule" in read_program(source).defines


def test_names_within_functions_are_not_the_programs() -> None:
    source = (
        "def f():\n    schedule = 1\n    def activation(x):\n        return x\nclass C:\n    optimizer = 2\n"
    )
    assert read_program(source).defines == {"f", "C"}


def test_a_number_that_cannot_be_written_in_decimals_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        read_program("x = 0x" + "f" * 20000)
    assert caught.value.code is Code.PROGRAM_SYNTAX


def test_two_hundred_comment_only_variants_are_one_program() -> None:
    assert len({read_program(commented(number)).id for number in range(200)}) == 1
    assert read_program(commented(1)).id == read_program(SOURCE).id


@pytest.mark.parametrize(
    "variant",
    [
        SOURCE.replace("std", "sigma"),
        SOURCE.replace("shape, fan_in, fan_out, layer, depth, rng", "s, fan_in, f, l, d, r").replace(
            "rng.normal(0.0, helper([std], scale=1.0), shape)", "r.normal(0.0, helper([std], scale=1.0), s)"
        ),
        SOURCE.replace("value in values", "v in values").replace("value * scale", "v * scale"),
        SOURCE.replace("(values, scale=1.0):", "(values: list[float], scale: float = 1.0) -> float:"),
        SOURCE.replace("    total = 0.0", "    pass\n    total = 0.0\n    'nothing'"),
        SOURCE.replace("2.0", "2.00").replace("0.0", "(0.0)"),
    ],
    ids=["local", "parameters", "loop", "annotations", "idle", "spelling"],
)
def test_names_and_spelling_do_not_matter(variant: str) -> None:
    assert variant != SOURCE
    assert read_program(variant).id == read_program(SOURCE).id


@pytest.mark.parametrize(
    "variant",
    [
        SOURCE.replace("2.0", "1.0"),
        SOURCE.replace("fan_in)", "fan_out)"),
        SOURCE.replace("+=", "-="),
        SOURCE.replace("scale=1.0)", "scale=2.0)"),
    ],
)
def test_meaning_does_matter(variant: str) -> None:
    assert read_program(variant).id != read_program(SOURCE).id


@pytest.mark.parametrize(
    "source",
    [
        "def f(a):\n    return [a for a in range(3)], a\n",
        "a = 1\ndef f(b=a):\n    a = 2\n    return lambda v0: (v0, a, b)\n",
        "def f(x):\n    def g(x=x):\n        return x\n    return g()\n",
        "def f(x, **rest):\n    return dict(x=x, **rest)\n",
        "def f(x):\n    try:\n        y = 1 / x\n    except OSError as e:\n        y = e\n    return y\n",
        "def f(x):\n    import math as m\n    z = m.pi\n    return z + x\n",
        "def f(x):\n    try:\n        pass\n    finally:\n        pass\n    return x\n",
        "v0 = 5\ndef f(x):\n    y = x\n    return y + v0\n",
        "def f(x):\n    y = 3\n    return eval('y')\n",
        "def f(x):\n    t = 0\n    def add():\n        nonlocal t\n        t += x\n    add()\n    return t\n",
        "def f(x):\n    return (y := x + 1) + y\n",
        "def f(*args):\n    first, *others = args\n    return first, others\n",
    ],
)
def test_the_canonical_form_computes_the_same(source: str) -> None:
    program = read_program(source)
    outcomes = []
    for text in (source, program.source):
        names: dict[str, object] = {}
        exec(text, names)
        function = names["f"]
        assert callable(function)
        result = function(2)
        outcomes.append(result(7) if callable(result) else result)
    assert outcomes[0] == outcomes[1]
    assert read_program(program.source).source == program.source


def test_the_id_is_the_hash_of_the_blob() -> None:
    program = read_program(SOURCE)
    assert program.id == program_id(program.source.encode())
    assert len(program.id) == 32
    assert program.defines >= {"initialiser", "helper", "GAIN", "np"}


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (b"\xff\xfe", Code.PROGRAM_SYNTAX),
        ("x = '\0'", Code.PROGRAM_SYNTAX),
        ("def f(:\n", Code.PROGRAM_SYNTAX),
        ("x = " + "(" * 500 + ")" * 500, Code.PROGRAM_SIZE),
        ("x = " + "-" * 5000 + "1", Code.PROGRAM_SIZE),
        ("x = 1\n" * 7000, Code.PROGRAM_SIZE),
        (
            "if 1:\n" + "".join(" " * n + "if 1:\n" for n in range(1, 120)) + " " * 120 + "x = 1",
            Code.PROGRAM_SIZE,
        ),
        ("#" * (MAX_SOURCE_BYTES + 1), Code.PROGRAM_SIZE),
        ("\ud800", Code.PROGRAM_SYNTAX),
        ("x = 1\n  y = 2\n", Code.PROGRAM_SYNTAX),
    ],
    ids=[
        "bytes",
        "null",
        "syntax",
        "brackets",
        "operators",
        "nodes",
        "blocks",
        "long",
        "surrogate",
        "indent",
    ],
)
def test_hostile_sources_are_refused(source: str | bytes, code: Code) -> None:
    with pytest.raises(Rejected) as caught:
        read_program(source)
    assert caught.value.code in {code, Code.PROGRAM_SYNTAX}


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_garbage_gives_a_program_or_a_rejection(source: str | bytes) -> None:
    try:
        program = read_program(source)
    except Rejected:
        return
    assert read_program(program.source).id == program.id
