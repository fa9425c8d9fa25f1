"""More generated disguises and oddities for `bench/novelty.py`: maps of whole arrays, and whole programs.

`novelty_cases.py` rewrites formulae; here the same thing is written as a function, a class, a table, a diff, in
plain Python, numpy or torch, in place or not, with helpers or without.
"""

from __future__ import annotations

import math
import random
from textwrap import indent

from novelty_cases import Case

__all__ = ["DISGUISES", "ODDITIES"]

_NAMES = ("f", "g", "prep", "mix", "squash", "fix", "shape_it", "step_one")


def _pick(draw: random.Random, *texts: str) -> str:
    return draw.choice(texts)


def _function(draw: random.Random, parameters: str, body: str) -> str:
    """The body as a plain function, or as the forward of a module."""
    if draw.random() < 0.6:
        return f"def {draw.choice(_NAMES)}({parameters}):\n{indent(body, '    ')}\n"
    inner = indent(f"def forward(self, {parameters}):\n{indent(body, '    ')}", "    ")
    return f"class Block(nn.Module):\n{inner}\n"


# --- disguises ------------------------------------------------------------------------------------------


_CALLER = "def start(a, b):\n    w = torch.empty(b, a)\n    return w.normal_(0, spread(a, b))\n"


def _init_program(draw: random.Random) -> Case:
    """Kaiming, Xavier and LeCun as classes, tables, diffs and helpers."""
    technique, gain, both = draw.choice(
        (("kaiming-init", 2.0, False), ("xavier-init", 2.0, True), ("lecun-init", 1.0, False))
    )
    fans = "(a + b)" if both else "a"
    spread = _pick(draw, f"({gain}/{fans})**0.5", f"math.sqrt({gain / 2}*2/{fans})", f"({fans}/{gain})**-0.5")
    made = _pick(
        draw,
        f"np.random.randn(b, a)*{spread}",
        f"np.random.normal(0.0, {spread}, (b, a))",
        f"torch.randn(b, a).mul_({spread})",
        f"(2*np.random.rand(b, a) - 1)*{3**0.5!r}*{spread}",
    )
    forms = [
        f"class Layer:\n    def __init__(self, a, b):\n        self.w = {made}\n",
        f"def start(a, b):\n    return {made}\n",
        f"def spread(a, b):\n    return {spread}\n\n{_CALLER}",
        f" def start(a, b):\n-    return np.random.randn(b, a)*0.05\n+    return {made}\n",
    ]
    if not both:
        table = {n: round(math.sqrt(gain / n), 7) for n in (32, 64, 128, 256, 512)}
        forms.append(f"STD = {table}\ndef start(w):\n    w.normal_(0, STD[w.shape[1]])\n")
    return Case("init program", code=draw.choice(forms), right=frozenset({technique}))


def _norm(draw: random.Random) -> Case:
    x = draw.choice(("x", "h", "z", "inp"))
    mean = _pick(
        draw,
        f"{x}.mean(-1, keepdim=True)",
        f"{x}.sum(-1, keepdim=True)/{x}.shape[-1]",
        f"torch.mean({x}, dim=-1)[..., None]",
    )
    square = _pick(draw, "{c}*{c}", "{c}**2", "{c}.pow(2)", "torch.square({c})")
    tiny = draw.choice(("1e-5", "1e-6", "1e-8"))
    of_square = f"({square}).mean(-1, keepdim=True)"
    forms = {
        "rms-norm": f"s = {of_square.format(c=x)}\nreturn {x}*torch.rsqrt(s + {tiny})",
        "layer-norm": f"c = {x} - {mean}\nreturn c/({of_square.format(c='c')} + {tiny})**0.5",
        "l2-normalization": f"return {x}/(({square.format(c=x)}).sum(-1, keepdim=True) + 1e-12)**0.5",
        "batch-norm": f"c = {x} - {x}.mean(0)\nreturn c/(({square.format(c='c')}).mean(0) + {tiny}).sqrt()",
    }
    technique = draw.choice(sorted(forms))
    return Case("norm", code=_function(draw, x, forms[technique]), right=frozenset({technique}))


def _loss(draw: random.Random) -> Case:
    p, y = draw.choice((("pred", "target"), ("out", "label"), ("yhat", "y")))
    q = draw.choice((0.1, 0.25, 0.9))
    forms = {
        "mse-loss": _pick(
            draw, f"return (({p} - {y})**2).mean()", f"d = {p} - {y}\nreturn (d*d).sum()/d.numel()"
        ),
        "mae-loss": _pick(
            draw, f"return ({p} - {y}).abs().mean()", f"return torch.sqrt(({p} - {y})**2).mean()"
        ),
        "huber-loss": f"d = ({p} - {y}).abs()\nreturn torch.where(d < 1, 0.5*d*d, d - 0.5).mean()",
        "pinball-loss": f"d = {y} - {p}\nreturn torch.maximum({q}*d, ({q} - 1)*d).mean()",
        "log-cosh-loss": f"d = {p} - {y}\nreturn torch.log(0.5*(torch.exp(d) + torch.exp(-d))).mean()",
        "charbonnier-loss": f"d = {p} - {y}\nreturn (d*d + 1.0).sqrt().mean() - 1.0",
    }
    technique = draw.choice(sorted(forms))
    return Case("loss", code=_function(draw, f"{p}, {y}", forms[technique]), right=frozenset({technique}))


def _attention(draw: random.Random) -> Case:
    dots = _pick(draw, "q @ k.T", "torch.einsum('id,jd->ij', q, k)", "torch.matmul(q, k.transpose(0, 1))")
    scale = _pick(draw, "/math.sqrt(q.shape[-1])", "*q.shape[-1]**-0.5", "/q.size(-1)**0.5")
    past = _pick(draw, "torch.tril(torch.ones(n, n))", "(i[:, None] >= i[None, :])")
    rows = _pick(
        draw, "torch.softmax(s, -1)", "s.softmax(dim=-1)", "torch.exp(s)/torch.exp(s).sum(-1, keepdim=True)"
    )
    out = _pick(draw, "@ v", ".matmul(v)")
    lines = [f"s = {dots}{scale}", "n = q.shape[0]", "i = torch.arange(n)"]
    masks = {
        "scaled-dot-product-attention": "",
        "causal-masking": f"s = s.masked_fill({past} == 0, float('-inf'))",
        "sliding-window-attention": "d = i[:, None] - i[None, :]\ns = s.masked_fill((d < 0) | (d > 2), float('-inf'))",
        "alibi": "s = s - 0.25*(i[:, None] - i[None, :]).abs()",
        "logit-softcap": "s = 5.0*torch.tanh(s/5.0)",
    }
    technique = draw.choice(sorted(masks))
    body = "\n".join([*lines, *([masks[technique]] if masks[technique] else []), f"return ({rows}){out}"])
    return Case("attention", code=_function(draw, "q, k, v", body), right=frozenset({technique}))


def _optimizer_class(draw: random.Random) -> Case:
    b, c = draw.choice((0.9, 0.8)), draw.choice((0.99, 0.999))
    forms = {
        "momentum-sgd": f"m.mul_({b}).add_(g)\np.data.sub_(self.lr*m)",
        "rmsprop": f"m.mul_({c}).addcmul_(g, g, value=1 - {c})\np.data.addcdiv_(g, m.sqrt() + 1e-8, value=-self.lr)",
        "adagrad": "m.add_(g*g)\np.data.sub_(self.lr*g/(m.sqrt() + 1e-10))",
        "signsgd": "p.data.sub_(self.lr*g.sign())",
        "signum": f"m.mul_({b}).add_(g, alpha=1 - {b})\np.data.sub_(self.lr*torch.sign(m))",
    }
    technique = draw.choice(sorted(forms))
    body = indent(f"g = p.grad\n{forms[technique]}", " " * 12)
    code = (
        "class Stepper:\n    def __init__(self, params, lr):\n        self.params, self.lr = list(params), lr\n"
        "        self.m = [torch.zeros_like(p) for p in self.params]\n    def step(self):\n"
        f"        for p, m in zip(self.params, self.m):\n{body}\n"
    )
    return Case(
        "optimizer class",
        code=code,
        right=frozenset({technique, "rmsprop"} if technique == "rmsprop" else {technique}),
    )


def _compressor(draw: random.Random) -> Case:
    g = draw.choice(("g", "delta", "msg"))
    forms = {
        "topk-sparsification": f"k = {g}.numel()//10\nt = {g}.abs().flatten().topk(k).values[-1]\n"
        f"return torch.where({g}.abs() >= t, {g}, torch.zeros_like({g}))",
        "onebit-sgd": f"return torch.sign({g})*{g}.abs().mean()",
    }
    technique = draw.choice(sorted(forms))
    right = {
        "topk-sparsification": {"topk-sparsification", "magnitude-pruning"},
        "onebit-sgd": {"onebit-sgd", "binary-network"},
    }
    return Case("compressor", code=_function(draw, g, forms[technique]), right=frozenset(right[technique]))


DISGUISES = (_init_program, _norm, _loss, _attention, _optimizer_class, _compressor)


# --- odd ones -------------------------------------------------------------------------------------------


def _odd_norm(draw: random.Random) -> Case:
    power = draw.choice((0.3, 0.7, 1.5, 3.0))
    body = _pick(
        draw,
        f"return x/(x.abs().mean(-1, keepdim=True) + 1e-6)**{power}",
        f"return x - {power}*x.median(-1, keepdim=True).values*x.abs().mean(0)",
        "return x/(1e-6 + x.abs().amax(0))*x.abs().amin(-1, keepdim=True)",
        f"return x*torch.cos(x.mean(-1, keepdim=True)*{power})",
        f"return (x - x.flip(-1))/(x.std(0) + {power})",
    )
    return Case("odd norm", code=_function(draw, "x", body))


def _odd_loss(draw: random.Random) -> Case:
    a = draw.uniform(0.3, 2.5)
    body = _pick(
        draw,
        f"d = pred - target\nreturn (d*d*torch.cos({a:.3f}*d)**2).mean()",
        f"d = pred - target\nreturn (d.abs()**{1.1 + 0.2 * a:.3f} + torch.sin(d)**2).mean()",
        f"d = pred - target\nreturn torch.log(1 + d.abs()**{2.2 + a:.3f}).mean()",
        f"d = pred - target\nreturn (torch.exp(-{a:.3f}*d) + {a:.3f}*d*d).mean()",
    )
    return Case("odd loss", code=_function(draw, "pred, target", body))


def _odd_attention(draw: random.Random) -> Case:
    a = draw.uniform(0.3, 2.0)
    body = _pick(
        draw,
        f"s = torch.cos({a:.3f}*(q @ k.T))\nreturn (s/s.shape[0]) @ v",
        f"s = (q @ k.T).abs()**{a + 0.4:.3f}\nreturn (s/(s.sum(0) + 1e-6)) @ v",
        f"s = (q @ k.T).softmax(-1)\nreturn (s*s.T) @ v + {a:.3f}*s @ v",
        "s = (q @ k.T).softmax(-1)\nreturn (s - s.roll(1, 0)) @ v",
    )
    return Case("odd attention", code=_function(draw, "q, k, v", body))


def _odd_compressor(draw: random.Random) -> Case:
    a = draw.uniform(0.2, 0.8)
    body = _pick(
        draw,
        f"return g*(torch.sin(40*g) > {a:.3f})",
        f"return torch.where(g.abs() < {a:.3f}, torch.zeros_like(g), g*g.abs())",
        f"return torch.round(g*7 + {a:.3f}*torch.cos(30*g))/7",
        "return g - g.flip(0)*(g.abs() < g.flip(0).abs())",
    )
    return Case("odd compressor", code=_function(draw, "g", body))


def _odd_program(draw: random.Random) -> Case:
    a = draw.uniform(0.3, 0.45)  # (a*a + b)**-0.25 would be LeCun's law wherever b is small
    code = _pick(
        draw,
        f"class Layer:\n    def __init__(self, a, b):\n        self.w = np.random.randn(b, a)*(a + 3*b)**-{a:.3f}\n",
        f"def start(a, b):\n    return torch.randn(b, a)*(a*a + b)**-{a:.3f}\n",
        f"STD = {{32: {a:.4f}, 64: {a / 3:.4f}, 128: {a / 2:.4f}, 256: {a / 5:.4f}}}\n"
        "def start(w):\n    w.normal_(0, STD[w.shape[1]])\n",
    )
    return Case("odd program", code=code)


ODDITIES = (_odd_norm, _odd_loss, _odd_attention, _odd_compressor, _odd_program)
