"""One technique in many forms: classes, tables, helpers, states by name, models, numpy and torch."""

from __future__ import annotations

import pytest

from experiments.novelty.artefact import Query
from experiments.novelty.checker import Checker

KAIMING = {
    "constructor": (
        "class Layer:\n    def __init__(self, a, b):\n        self.W = np.random.randn(b, a)*np.sqrt(2/a)"
    ),
    "table": (
        "T = {64: 0.1767767, 128: 0.125, 256: 0.0883883}\ndef start(w):\n    w.normal_(0, T[w.shape[1]])"
    ),
    "fan beside the matrix": "w.normal_(0, (2/n)**0.5)",
    "source of chance as a parameter": (
        "def start(rng, n, m):\n    return rng.standard_normal((m, n))*(n/2)**-0.5"
    ),
    "helper": (
        "def s(n):\n    return (n/2)**-0.5\ndef start(w):\n    w.copy_(torch.randn_like(w)*s(w.shape[1]))"
    ),
}
OTHERS = {
    "adam": (
        "def update(w, g, st, t, eta=1e-3):\n"
        "    st['a'] = st['a'] + 0.1*(g - st['a'])\n"
        "    st['b'] = st['b'] + 0.001*(g*g - st['b'])\n"
        "    return w - eta*(st['a']/(1 - 0.9**t))/(np.sqrt(st['b']/(1 - 0.999**t)) + 1e-8)"
    ),
    "rmsprop": "cache = rho*cache + (1 - rho)*np.square(dx)\nx += -lr*dx/np.sqrt(cache + 1e-8)",
    "signsgd": ("for p in net.parameters():\n    p -= 1e-3*p.grad/p.grad.abs().clamp_min(1e-30)"),
    "muon": (
        "def step(w, g, buf):\n    buf.mul_(0.95).add_(g)\n    y = buf/buf.norm()\n"
        "    for _ in range(6):\n        y = 1.5*y - 0.5*y @ y.T @ y\n    w.sub_(0.02*y)"
    ),
    "causal-masking": (
        "def att(q, k, v):\n    s = np.einsum('id,jd->ij', q, k)/np.sqrt(q.shape[-1])\n"
        "    i = np.arange(len(q))\n    s = np.where(i[None, :] > i[:, None], -1e30, s)\n"
        "    e = np.exp(s - s.max(1, keepdims=True))\n    return (e/e.sum(1, keepdims=True)) @ v"
    ),
    "magnitude-pruning": ("t = w.abs().flatten().sort().values[int(0.8*w.numel())]\nw *= (w.abs() >= t)"),
    "linear-warmup": "if it < 500:\n    lr = base*(it + 1)/500",
}
ODD = (
    "class Layer:\n    def __init__(self, a, b):\n        self.W = np.random.randn(b, a)*(a + 3*b)**-0.41",
    "T = {64: 0.3, 128: 0.1, 256: 0.2}\ndef start(w):\n    w.normal_(0, T[w.shape[1]])",
    "def prep(g):\n    return torch.round(g*7 + 0.3*torch.cos(30*g))/7",
    "def fix(g):\n    return g - g.flip(0)*(g.abs() < g.flip(0).abs())",
    "def pace(it, base):\n    return base*(it + 1)/500 if it < 500 else base*(1 + math.sin(it))",
)


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker()


@pytest.mark.parametrize("form", KAIMING)
def test_kaiming_is_named_in_every_form(checker: Checker, form: str) -> None:
    verdict = checker.check(Query(code=KAIMING[form]))
    assert verdict.headline.startswith("rediscovery of Kaiming initialization (fan_in"), verdict.headline


@pytest.mark.parametrize("technique", OTHERS)
def test_forms_of_other_techniques(checker: Checker, technique: str) -> None:
    verdict = checker.check(Query(code=OTHERS[technique]))
    assert verdict.flagged, verdict.headline
    assert verdict.technique is not None
    assert verdict.technique.id == technique


@pytest.mark.parametrize("code", ODD)
def test_odd_code_in_the_same_forms_matches_nothing(checker: Checker, code: str) -> None:
    assert not checker.check(Query(code=code)).flagged
