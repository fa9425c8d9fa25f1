"""Disguised and odd artefacts for `bench/novelty.py`, generated: nobody can fit a probe to a list.

Disguises rewrite a known law or curve into another text of the same values (constants split in pieces,
powers through logarithms, other libraries, other names, code instead of a formula).  Odd artefacts have
values that no reference has; each is drawn with random shapes and constants, and one that comes out equal to
a known law by chance would be a fault of this file.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Case", "disguised", "odd"]


@dataclass(frozen=True, slots=True)
class Case:
    """What the checker is given, and the catalogue ids that are right (none for odd artefacts)."""

    family: str
    claim: str = ""
    code: str = ""
    expressions: tuple[tuple[str, str], ...] = ()
    right: frozenset[str] = frozenset()


def disguised(count: int, seed: int) -> Iterator[Case]:
    """`count` disguises, families in turn."""
    from novelty_shapes import DISGUISES

    draw = random.Random(seed)
    makers = (
        *DISGUISES,
        _init_expression,
        _init_code,
        _activation_expression,
        _activation_code,
        _schedule_code,
        _update_code,
    )
    for at in range(count):
        yield makers[at % len(makers)](draw)


def odd(count: int, seed: int) -> Iterator[Case]:
    """`count` artefacts that equal nothing known, families in turn."""
    from novelty_shapes import ODDITIES

    draw = random.Random(seed)
    plain = (_odd_init, _odd_init_code, _odd_activation, _odd_activation_code, _odd_schedule, _odd_update)
    makers = (*plain, *ODDITIES)
    for at in range(count):
        yield makers[at % len(makers)](draw)


# --- disguises of numbers and powers --------------------------------------------------------------------


def _constant(draw: random.Random, value: float) -> str:
    """A number in pieces."""
    part = round(draw.uniform(0.1, 0.9) * value, 3)
    factor = draw.choice((2.0, 4.0, 0.5, 3.0))
    return draw.choice(
        (
            f"{value!r}",
            f"({part!r} + {value - part!r})",
            f"({value / factor!r}*{factor!r})",
            f"({value * factor!r}/{factor!r})",
        )
    )


def _root(draw: random.Random, inner: str, dialect: str = "") -> str:
    """The inverse square root of a term, in some spelling; `dialect` is a library's prefix."""
    return draw.choice(
        (
            f"({inner})**-0.5",
            f"1/{dialect}sqrt({inner})",
            f"{dialect}exp(-0.5*{dialect}log({inner}))",
            f"{dialect}sqrt(1/({inner}))",
            f"(({inner})**0.25)**-2",
        )
    )


_LAWS: dict[str, tuple[float, str]] = {
    "kaiming-init": (2.0, "{i}"),
    "lecun-init": (1.0, "{i}"),
    "xavier-init": (2.0, "{i}+{o}"),
    "torch-default-linear-init": (1.0 / 3.0, "{i}"),
}


def _law(draw: random.Random, i: str, o: str, dialect: str = "") -> tuple[str, str]:
    """(technique, expression of the standard deviation)."""
    technique = draw.choice(sorted(_LAWS))
    gain, denominator = _LAWS[technique]
    if technique == "kaiming-init" and draw.random() < 0.3:
        i = o
    fans = denominator.format(i=i, o=o)
    if draw.random() < 0.5:
        return technique, _root(draw, f"({fans})/{_constant(draw, gain)}", dialect)
    return technique, f"{_constant(draw, gain**0.5)}*{_root(draw, fans, dialect)}"


def _init_expression(draw: random.Random) -> Case:
    technique, text = _law(draw, "fan_in", "fan_out")
    return Case("init expression", expressions=(("init_std", text),), right=frozenset({technique}))


def _init_code(draw: random.Random) -> Case:
    w, n, m = draw.sample(("w", "weight", "mat", "K", "tensor", "arr", "q", "blob"), 3)
    technique, law = _law(draw, n, m, "math.")
    fans = f"{m}, {n} = {w}.shape"
    body = draw.choice(
        (
            f"{w}.normal_(0.0, {law})",
            f"s = {law}\n    {w}.copy_(torch.randn_like({w})*s)",
            f"s = {law}\n    with torch.no_grad():\n        {w}.uniform_(-s*3**0.5, s*3**0.5)",
            f"nn.init.normal_({w}, std={law})",
            f"return np.random.normal(0, {law}, size=({m}, {n}))",
        )
    )
    name = draw.choice(("prepare", "begin", "magic", "setup_layer", "f"))
    return Case("init code", code=f"def {name}({w}):\n    {fans}\n    {body}\n", right=frozenset({technique}))


_CURVES: dict[str, tuple[str, ...]] = {
    "relu": ("max({x}, 0)", "({x} + abs({x}))/2", "{x}*({x} > 0)"),
    "silu": (
        "{x}/(1 + exp(-{x}))",
        "{x}*sigmoid({x})",
        "0.5*{x}*(1 + tanh({x}/2))",
        "{x}*exp({x}/2)/(exp({x}/2)+exp(-{x}/2))",
    ),
    "gelu": ("0.5*{x}*(1 + erf({x}/sqrt(2)))", "{x}*(0.5 + 0.5*erf({x}*0.7071067811865476))"),
    "mish": ("{x}*tanh(log(1 + exp({x})))", "{x}*(1 - 2/((1 + exp({x}))**2 + 1))"),
    "squared-relu": ("max({x}, 0)**2", "{x}*max({x}, 0)", "(({x} + abs({x}))/2)**2"),
    "tanh": ("tanh({x})", "2*sigmoid(2*{x}) - 1", "1 - 2/(exp(2*{x}) + 1)"),
    "softsign": ("{x}/(1 + abs({x}))",),
    "hard-swish": ("{x}*min(max({x} + 3, 0), 6)/6",),
    "quick-gelu": ("{x}*sigmoid(1.702*{x})", "{x}/(1 + exp(-1.702*{x}))"),
    "hard-tanh": ("min(max({x}, -1), 1)",),
    "leaky-relu": ("max({x}, 0.1*{x})", "0.55*{x} + 0.45*abs({x})"),
    "elu": ("max({x}, 0) + min(0, exp(min({x}, 0)) - 1)",),
    "selu": ("1.0507009873554805*(max({x}, 0) + 1.6732632423543772*(exp(min({x}, 0)) - 1))",),
}


def _curve(draw: random.Random, x: str) -> tuple[str, str]:
    technique = draw.choice(sorted(_CURVES))
    text = draw.choice(_CURVES[technique]).replace("{x}", x)
    return technique, draw.choice((text, f"({text})*1.0", f"0.25*({text}) + 0.75*({text})", f"-(-({text}))"))


def _activation_expression(draw: random.Random) -> Case:
    technique, text = _curve(draw, "x")
    return Case(
        "activation expression", expressions=(("activation", _for_slot(text)),), right=frozenset({technique})
    )


def _for_slot(text: str) -> str:
    """The recipes' language has max and min of two."""
    return text


def _activation_code(draw: random.Random) -> Case:
    x = draw.choice(("x", "z", "h", "inp", "v", "signal"))
    technique, text = _curve(draw, x)
    for function in ("exp", "log", "tanh", "sigmoid", "erf", "abs", "sqrt"):
        text = (
            text.replace(f"{function}(", f"torch.{function}(")
            if function != "sqrt"
            else text.replace("sqrt(", "math.sqrt(")
        )
    text = text.replace("max(", "hi(").replace("min(", "lo(")
    tools = (
        "def hi(a, b): return torch.maximum(torch.as_tensor(a), torch.as_tensor(b))\n"
        "def lo(a, b): return torch.minimum(torch.as_tensor(a), torch.as_tensor(b))\n"
    )
    name = draw.choice(("f", "unit", "squash", "nonlin", "g"))
    return Case(
        "activation code", code=f"{tools}def {name}({x}):\n    return {text}\n", right=frozenset({technique})
    )


def _schedule_code(draw: random.Random) -> Case:
    step, total = draw.choice((("step", "total"), ("it", "max_iters"), ("t", "T"), ("epoch", "epochs")))
    fraction = f"{step}/{total}"
    forms = {
        "cosine-annealing": f"0.5*(1 + math.cos(math.pi*{fraction}))",
        "linear-decay": f"1 - {fraction}",
        "polynomial-decay": f"(1 - {fraction})**2",
        "inverse-sqrt-decay": f"1/math.sqrt({step} + 1)",
        "exponential-decay": f"0.97**{step}",
        "inverse-time-decay": f"1/(1 + 0.05*{step})",
    }
    technique = draw.choice(sorted(forms))
    squared = technique == "cosine-annealing" and draw.random() < 0.5
    text = f"math.cos(math.pi*{fraction}/2)**2" if squared else forms[technique]
    name = draw.choice(("rate", "pace", "s", "how_big"))
    code = f"def {name}({step}, {total}):\n    return {draw.choice((0.1, 3e-4, 1.0))}*({text})\n"
    return Case("schedule code", code=code, right=frozenset({technique}))


def _update_code(draw: random.Random) -> Case:
    p, g = draw.choice((("p", "g"), ("theta", "grad"), ("w", "dw"), ("param", "gradient")))
    m, v = draw.choice((("m", "v"), ("buf", "sq"), ("a", "b2nd")))
    b = draw.choice((0.9, 0.8, 0.95))
    forms = {
        "momentum-sgd": f"{m} = {b}*{m} + {g}\n{p} = {p} - lr*{m}",
        "nesterov": f"{m} = {b}*{m} + {g}\n{p} = {p} - lr*({g} + {b}*{m})",
        "rmsprop": f"{v} = {b}*{v} + {1 - b!r}*{g}*{g}\n{p} = {p} - lr*{g}/({v}**0.5 + 1e-8)",
        "adagrad": f"{v} = {v} + {g}**2\n{p} = {p} - lr*{g}/(torch.sqrt({v}) + 1e-10)",
        "signsgd": f"{p} = {p} - lr*torch.sign({g})",
        "lion": f"u = torch.sign({b}*{m} + {1 - b!r}*{g})\n{p} = {p} - lr*u\n{m} = 0.99*{m} + 0.01*{g}",
    }
    technique = draw.choice(sorted(forms))
    return Case("update code", code=forms[technique], right=frozenset({technique}))


# --- odd ones -------------------------------------------------------------------------------------------


def _odd_law(draw: random.Random, i: str, o: str) -> str:
    a = draw.uniform(0.2, 3.0)
    return draw.choice(
        (
            f"{a:.4f}*({i}*{o})**-0.25",
            f"{a:.4f}*{i}**-{draw.choice((0.15, 0.25, 0.33, 0.4, 0.62, 0.75, 0.85)):.2f}",
            f"{a:.4f}*max({i}, {o})**-0.5",
            f"{a:.4f}*min({i}, {o})**-0.5",
            f"{a:.4f}*({i}**-0.5 + {o}**-0.5)",
            f"{a:.4f}*({i} + {o}**0.5)**-0.4",
            f"{a:.4f}/({draw.uniform(10, 60):.2f} + {i})",
            f"{a:.4f}*abs({i} - {o})**-0.5",
            f"{a:.4f}*({i}**2 + {o}**2)**-0.25",
        )
    )


def _odd_init(draw: random.Random) -> Case:
    return Case("odd init", expressions=(("init_std", _odd_law(draw, "fan_in", "fan_out")),))


def _odd_init_code(draw: random.Random) -> Case:
    law = _odd_law(draw, "n", "m")
    return Case("odd init code", code=f"def begin(w):\n    m, n = w.shape\n    w.normal_(0, {law})\n")


def _odd_curve(draw: random.Random, x: str, t: str = "") -> str:
    a, b = draw.uniform(0.3, 2.5), draw.uniform(0.2, 1.8)
    return draw.choice(
        (
            f"{x}*{t}sin({a:.3f}*{x}) + {b:.3f}*{x}",
            f"{t}tanh({a:.3f}*{x})*{t}exp(-{b:.3f}*{x}*{x}/9)",
            f"{x}/(1 + {t}abs({x})**{1.2 + b:.3f})",
            f"{t}log(1 + {a:.3f}*{x}*{x})*{t}tanh({x})",
            f"{t}abs({x})**{0.3 + 0.3 * b:.3f}*{t}tanh({b:.3f}*{x})",
            f"{x}*{t}cos({a:.3f}*{x})**2",
            f"{t}sin({a:.3f}*{x}) + {b:.3f}*{t}tanh(3*{x})",
            f"{x}*{t}tanh({a:.3f}*{x}*{x})",
            f"{t}exp(-{t}abs({x} - {a:.3f})) - {b:.3f}*{t}exp(-{t}abs({x}))",
        )
    )


def _odd_activation(draw: random.Random) -> Case:
    return Case("odd activation", expressions=(("activation", _odd_curve(draw, "x")),))


def _odd_activation_code(draw: random.Random) -> Case:
    return Case("odd activation code", code=f"def unit(h):\n    return {_odd_curve(draw, 'h', 'torch.')}\n")


def _odd_schedule(draw: random.Random) -> Case:
    a, b = draw.uniform(2.0, 9.0), draw.uniform(0.2, 0.7)
    text = draw.choice(
        (
            f"1 - {b:.3f}*abs(math.sin({a:.3f}*u))",
            f"math.exp(-{a:.3f}*u*u)",
            f"1/(1 + math.exp({a:.3f}*(u - 0.5)))",
            f"1 - u**{a:.3f}",
            f"(1 - u)*math.exp(-{a:.3f}*u)",
            f"1/(1 + math.log(1 + {a:.3f}*u))",
            f"(1 - u)*(1 + {b:.3f}*math.sin(40*u))",
        )
    )
    return Case("odd schedule", code=f"def pace(step, total):\n    u = step/total\n    return 0.1*({text})\n")


def _odd_update(draw: random.Random) -> Case:
    a, b = draw.uniform(0.3, 1.7), draw.choice((0.8, 0.9, 0.95))
    power = draw.choice((0.3, 0.6, 1.4, 1.8))
    text = draw.choice(
        (
            f"m = {b}*m + g\np = p - lr*torch.sign(m)*m.abs()**{power}",
            f"p = p - lr*torch.tanh({a:.3f}*g/50)",
            f"m = {b}*m + torch.sin(g)\np = p - lr*m",
            f"v = {b}*v + g.abs()\np = p - lr*g/(v**{power} + 1e-8)",
            f"m = {b}*m + g\np = p - lr*m/(1 + g.abs())",
            f"p = p - lr*g*torch.cos({a:.3f}*p)",
        )
    )
    return Case("odd update", code=text)
