"""Foreign code: what the interpreter does, what it refuses, and the parts that code can play."""

from __future__ import annotations

import ast

import pytest

from experiments.novelty.catalogue import load_catalogue
from experiments.novelty.programs import program_evidence
from experiments.novelty.structure.code.candidates import candidates, free_names
from experiments.novelty.structure.code.machine import Machine
from experiments.novelty.structure.code.values import CodeError, Scope, Value
from experiments.novelty.structure.match import find
from experiments.novelty.structure.reading import read_terms
from experiments.novelty.structure.source import looks_like_code, read_source


def _run(code: str, expression: str, steps: int = 100_000) -> Value:
    machine, scope = Machine(steps), Scope()
    machine.load(ast.parse(code).body, scope)
    return machine.value(ast.parse(expression, mode="eval").body, scope)


@pytest.mark.parametrize(
    ("code", "expression", "value"),
    [
        ("def f(a, b=2, *c, **d): return a + b + sum(c) + d.get('e', 0)", "f(1, 2, 3, 4, e=5)", 15),
        ("x = [i*i for i in range(5) if i % 2]", "sum(x)", 10),
        ("def f(n):\n    return 1 if n < 2 else n*f(n-1)", "f(6)", 720),
        ("a, (b, *c) = 1, (2, 3, 4)", "(a, b, c)", (1, 2, [3, 4])),
        ("t = 0\nfor i in range(10):\n    if i == 3: continue\n    if i == 6: break\n    t += i", "t", 12),
        ("def make(k):\n    return lambda x: x*k", "make(3)(4)", 12),
        ("d = {'a': 1}\nd['b'] = d['a'] + 1", "d['b']", 2),
        ("n = 0\nwhile n < 7:\n    n += 2", "n", 8),
        ("class A:\n    k = 2\n    def __init__(self, v): self.v = v\n    @property\n    def twice(self): return self.k*self.v", "A(5).twice", 10),
        ("import math\nfrom math import sqrt as root", "root(16) + math.exp(0)", 5.0),
        ("w = torch.zeros(2, 3)\nw[0, :] = 1\nw.mul_(2).add_(1)", "w.sum().item()", 12.0),
        ("x = np.arange(6).reshape(2, 3)", "x.sum(axis=0).tolist()", [3.0, 5.0, 7.0]),
        ("def f():\n    try:\n        return 3\n    finally:\n        pass", "f()", 3),
    ],
)  # fmt: skip
def test_the_interpreter_does_what_python_does(code: str, expression: str, value: object) -> None:
    assert _run(code, expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "().__class__.__bases__[0].__subclasses__()",
        "open('/etc/passwd')",
        "__import__('os').system('true')",
        "eval('1')",
        "exec('1')",
        "getattr(1, 'real')",
        "torch.load('x')",
        "torch.save([], 'x')",
        "torch.hub.load('x', 'y')",
        "np.fromfile('x')",
        "torch.ones(3).numpy().tofile('x')",
        "torch.ones(3).untyped_storage()",
        "torch.ones(3).__class__",
        "torch.ones(3).data_ptr()",
        "torch.ones(10**9)",
        "torch.ones(1000, 1000).repeat(100, 100)",
        "9**9**9",
        "[1]*10**9",
        "'a'*10**9",
        "'%1000000d' % 1",
        "1 << 10**9",
        "[x for x in range(10**9)]",
        "(lambda f: f(f))(lambda f: f(f))",
        "[y for x in range(9999) for y in range(9999)]",
        "torch.nn.Linear(10**6, 10**6)",
        "nn.Linear(2, 2).register_forward_hook(1)",
        "F.one_hot(torch.arange(3), 10**9)",
        "b'x'",
        "1j",
    ],
)
def test_what_is_not_permitted_does_not_exist(expression: str) -> None:
    with pytest.raises(CodeError):
        _run("", expression)


def test_steps_are_counted() -> None:
    with pytest.raises(CodeError):
        _run("def f():\n    while True:\n        pass", "f()", steps=5_000)


def test_free_names_are_the_inputs_of_a_snippet() -> None:
    body = ast.parse("m = b*m + g\np -= lr*m\nq = [z for z in m]\nt = norm(p)").body
    assert free_names(body) == ("b", "m", "g", "p", "lr")


def test_candidates_put_helpers_last() -> None:
    tree = ast.parse("def helper(x): return x*2\ndef main(x): return helper(x)+1")
    assert [c.name for c in candidates(tree)] == ["main", "helper"]


# --- source ---------------------------------------------------------------------------------------------


def test_both_sides_of_a_diff_are_read() -> None:
    source = read_source(
        "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n def f(x):\n-    return x\n+    return x*2\n"
    )
    assert source is not None
    assert source.before is not None
    assert ast.unparse(source.after) == "def f(x):\n    return x * 2"
    assert ast.unparse(source.before) == "def f(x):\n    return x"


def test_fragments_and_fences_are_read() -> None:
    fenced = read_source("Look:\n```python\ny = x + 1\n```\nnice")
    assert fenced is not None
    assert ast.unparse(fenced.after) == "y = x + 1"
    fragment = read_source("        x = relu(x)\n    else:\n        x = x*2")
    assert fragment is not None
    assert "relu(x)" in ast.unparse(fragment.after)


@pytest.mark.parametrize("text", ["", "We scale the weights by a lot.", "\x00", "((((" * 1000])
def test_prose_is_no_code(text: str) -> None:
    assert not looks_like_code(text)


# --- parts ----------------------------------------------------------------------------------------------

PROGRAMS: dict[str, tuple[str, str]] = {
    "quick gelu": ("def a(q): return q*torch.sigmoid(1.702*q)", "quick-gelu"),
    "activation of one number": ("h = lambda a: a if a > 0 else 0.2*a", "leaky-relu"),
    "activation snippet": ("x = F.relu(x)**2", "squared-relu"),
    "activation module": (
        "class A(nn.Module):\n    def forward(self, x):\n        return x*torch.tanh(F.softplus(x))",
        "mish",
    ),
    "he in place": ("w.normal_(0, (2/w.shape[1])**0.5)", "kaiming-init"),
    "he on layers": (
        "def init(m):\n    if isinstance(m, nn.Linear):\n        n = m.weight.size(1)\n        m.weight.data.normal_(0, math.sqrt(2./n))\n        m.bias.data.zero_()",
        "kaiming-init",
    ),
    "he in numpy": ("W = np.random.randn(n_out, n_in) * np.sqrt(2.0/n_in)", "kaiming-init"),
    "glorot": (
        "def mk(shape):\n    lim = np.sqrt(6/sum(shape))\n    return np.random.uniform(-lim, lim, size=shape)",
        "xavier-init",
    ),
    "orthogonal": ("def mk(shape):\n    q, r = torch.linalg.qr(torch.randn(shape))\n    return q", "orthogonal-init"),
    "cosine": ("lr = base * 0.5 * (1 + math.cos(math.pi * step / total))", "cosine-annealing"),
    "noam": ("def rate(t):\n    return 3e-4 * min((t+1)**-0.5, (t+1)*40**-1.5)", "noam-schedule"),
    "swiglu": ("def f(q, r):\n    return q*torch.sigmoid(q)*r", "swiglu"),
    "momentum": ("m = 0.9*m + g\np = p - lr*m", "momentum-sgd"),
    "rmsprop": ("v = rho*v + (1-rho)*g**2\nw -= lr*g/(v.sqrt()+eps)", "rmsprop"),
    "rms norm": ("def n(x):\n    return x/torch.sqrt((x*x).mean(-1, keepdim=True)+1e-6)", "rms-norm"),
    "huber": ("def l(a, b):\n    r = (a-b).abs()\n    return torch.where(r < 2, .5*r*r, 2*(r-1)).mean()", "huber-loss"),
    "mixup": ("l = np.random.beta(.2, .2)\ni = torch.randperm(len(x))\nx = l*x + (1-l)*x[i]", "mixup"),
    "dropout": ("k = (torch.rand_like(h) > p).float()\nh = h*k/(1-p)", "dropout"),
    "softcap": ("def c(z): return 30*torch.tanh(z/30)", "logit-softcap"),
    "rope": ("a, b = x.chunk(2, -1)\ny = torch.cat([a*c - b*s, a*s + b*c], -1)", "rotary-embedding"),
    "ema": ("for a, b in zip(m.parameters(), n.parameters()):\n    a.data.mul_(0.99).add_(b.data, alpha=0.01)", "ema-weights"),
    "added clipping": (
        " loss.backward()\n+torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n opt.step()\n+\n",
        "gradient-clipping-norm",
    ),
}  # fmt: skip
ODD_PROGRAMS = {
    "sine root": "def f(x): return torch.sin(3*x)*x.abs().sqrt()",
    "geometric": "W = torch.randn(o, i)*(i*o)**-0.25",
    "prime steps": "def lr(step):\n    return 0.1*(1 + 0.5*math.sin(step**1.3))",
    "sorted gradients": "def u(p, g):\n    s = torch.sort(g)[0]\n    return p - 0.1*s*torch.cos(s)",
    "median": "def n(x): return x - x.median(-1, keepdim=True)[0]",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_are_named(name: str) -> None:
    code, technique = PROGRAMS[name]
    flagged = [e for e in program_evidence(code, "", load_catalogue()) if e.flags]
    assert flagged[0].technique == technique or technique in flagged[0].parts


@pytest.mark.parametrize("name", ODD_PROGRAMS)
def test_odd_programs_are_not_flagged(name: str) -> None:
    assert not [e.technique for e in program_evidence(ODD_PROGRAMS[name], "", load_catalogue()) if e.flags]


def test_names_do_not_matter() -> None:
    code = "def silu_gelu_relu(kaiming):\n    return kaiming*torch.tanh(F.softplus(kaiming))"
    assert program_evidence(code, "", load_catalogue())[0].technique == "mish"


@pytest.mark.parametrize(
    "code", ["", "def", "x =", "\x00", "import os; os.system('x')", "a" * 70_000, "(" * 5_000]
)
def test_broken_code_is_survived(code: str) -> None:
    assert not [e for e in program_evidence(code, "", load_catalogue()) if e.flags]


def test_a_pattern_is_not_solved_for_what_has_no_value() -> None:
    pattern = read_terms(ast.parse("y = __l * _a + (1 - _l) * 3").body)[0]
    terms = read_terms(ast.parse("y = (yield) * x + 0.25 * 3").body)
    assert find(pattern, terms, {"_l": ("other",)}) is None


def test_a_fragment_that_leaves_a_loop_it_does_not_have_is_no_error() -> None:
    code = "if step > patience:\n    break\nlr = base * 0.5 ** (step / total)"
    found = program_evidence(code, "", load_catalogue())
    assert [item.technique for item in found if item.flags] == ["exponential-decay"]
