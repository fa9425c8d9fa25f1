"""Tasks: every known answer answers its own, foreign code in odd spellings does, and odd code does not."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.novelty.catalogue import load_catalogue
from experiments.novelty.programs import program_evidence
from experiments.novelty.roles.tasks import _TASKS
from experiments.novelty.structure.source import read_source
from experiments.novelty.structure.tables import known_tables
from experiments.novelty.tasks.gradients import GRADIENT_TASK
from experiments.novelty.tasks.task import Answer, Task, draws_of, match_answers

ALL = (*_TASKS, GRADIENT_TASK)
CASES = [(task, answer) for task in ALL for answer in task.answers]


@pytest.mark.parametrize(
    ("task", "answer"), CASES, ids=[f"{task.name}-{k}-{a.technique}" for k, (task, a) in enumerate(CASES)]
)
def test_an_answer_is_recognised_as_its_technique(task: Task, answer: Answer) -> None:
    settings = answer.usual[0] if answer.usual else (0.37,) * answer.settings
    inputs = draws_of(task)
    if answer.technique == "coordinate-median" and answer.settings:
        settings = (1.0,)
    given = [np.asarray(answer.value(*values, *settings), dtype=np.float64) for values in inputs]
    found = match_answers(task, inputs, given, settings)
    assert found is not None
    assert found.answer.technique == answer.technique
    assert load_catalogue().lookup(answer.technique) is not None


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.name)
def test_an_answer_with_something_added_is_nobodys(task: Task) -> None:
    answer = task.answers[0]
    settings = answer.usual[0] if answer.usual else (0.37,) * answer.settings
    inputs = draws_of(task)
    exact = [np.asarray(answer.value(*values, *settings), dtype=np.float64) for values in inputs]
    rng = np.random.default_rng(4)
    if task.mask:
        given = [value * rng.integers(0, 2, size=value.shape) for value in exact]
    else:
        given = [value + 0.1 * rng.normal(size=value.shape) * np.max(np.abs(value)) for value in exact]
    assert match_answers(task, inputs, given, settings) is None


def test_a_constant_answers_nothing() -> None:
    task = next(task for task in ALL if task.name == "chances")
    inputs = draws_of(task)
    assert match_answers(task, inputs, [np.ones(())] * len(inputs), (1.0, 2.0)) is None


KNOWN = {
    "iou-loss": (
        "def f(a, b):\n    w = max(0, min(a[2], b[2]) - max(a[0], b[0]))\n"
        "    h = max(0, min(a[3], b[3]) - max(a[1], b[1]))\n    i = w*h\n"
        "    u = (a[2]-a[0])*(a[3]-a[1]) + (b[2]-b[0])*(b[3]-b[1]) - i\n    return 1 - i/u"
    ),
    "infonce": (
        "def c(a, b, tau=0.2):\n    loss = 0.0\n    for i in range(len(a)):\n"
        "        den = sum(math.exp(float(np.dot(a[i], b[j]))/tau) for j in range(len(b)))\n"
        "        loss -= math.log(math.exp(float(np.dot(a[i], b[i]))/tau)/den)\n    return loss/len(a)"
    ),
    "pixel-norm": "f = lambda x: x*torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-8)",
    "rms-norm": (
        "def f(v, g):\n    s = 0\n    for a in v:\n        s += a*a\n"
        "    return [a*b/math.sqrt(s/len(v) + 1e-6) for a, b in zip(v, g)]"
    ),
    "sliding-window-attention": (
        "def m(n, w):\n    M = np.zeros((n, n), bool)\n    for i in range(n):\n"
        "        for j in range(max(0, i - w + 1), i + 1):\n            M[i, j] = True\n    return M"
    ),
    "gae": (
        "def adv(rew, val, term):\n    A = [0.0]*len(rew)\n    last = 0\n"
        "    for t in reversed(range(len(rew))):\n"
        "        delta = rew[t] + 0.98*val[t + 1]*(not term[t]) - val[t]\n"
        "        last = delta + 0.98*0.9*(not term[t])*last\n        A[t] = last\n    return A"
    ),
    "agc": (
        "for p in params:\n    wn = p.norm(dim=1, keepdim=True).clamp(min=1e-3)\n"
        "    gn = p.grad.norm(dim=1, keepdim=True)\n"
        "    p.grad.copy_(torch.where(gn > 0.05*wn, p.grad*0.05*wn/gn, p.grad))"
    ),
    "gradient-clipping-norm": (
        "n2 = 0.0\nfor w in net.parameters():\n    n2 += w.grad.pow(2).sum().item()\n"
        "k = 2.0/(n2**0.5 + 1e-6)\nif k < 1:\n    for w in net.parameters():\n        w.grad.mul_(k)"
    ),
    "stochastic-rounding": (
        "def q(x, step):\n    lo = torch.floor(x/step)\n"
        "    return step*(lo + (torch.rand_like(x) < x/step - lo).float())"
    ),
    "gaussian-dropout": "def g(x, sd):\n    return x*np.random.normal(1.0, sd, x.shape)",
    "stochastic-depth": (
        "def d(x, p):\n    m = torch.bernoulli(torch.full((x.shape[0], 1, 1, 1), 1 - p))\n"
        "    return x*m/(1 - p)"
    ),
    "momentum-sgd": "def step(w, w_prev, g):\n    return 1.9*w - 0.9*w_prev - 0.01*g, w",
    "adadelta": (
        "def step(w, g, a, d):\n    a = 0.95*a + 0.05*g*g\n    m = g*np.sqrt((d + 1e-6)/(a + 1e-6))\n"
        "    d = 0.95*d + 0.05*m*m\n    return w - m, a, d"
    ),
    "welford-variance": (
        "n = 0\nm = s = 0.0\nfor x in stream:\n    n += 1\n    d = x - m\n    m += d/n\n"
        "    s += d*(x - m)\nvar = s/n"
    ),
    "truncated-normal-init": (
        "def fill(w):\n    z = torch.randn_like(w)\n    for _ in range(30):\n"
        "        z = torch.where(z.abs() > 2, torch.randn_like(w), z)\n    w.copy_(0.02*z)"
    ),
}
ODD = (
    "def f(a, b):\n    return ((a - b).abs()*(1 + a.roll(1, 0)*b)).mean()",
    "def f(z, y):\n    p = z.softmax(-1)\n    return -(p[torch.arange(len(y)), y]*p.amax(1).roll(3)).mean()",
    "def m(n, p):\n    return [[(i ^ j) % p == 0 or j == i - 1 for j in range(n)] for i in range(n)]",
    (
        "def tab(n, d):\n    P = np.zeros((n, d))\n    for i in range(n):\n        for j in range(d):\n"
        "            P[i, j] = math.sin(i*(j + 1)**1.5)*math.exp(-i/n)\n    return P"
    ),
    "def q(x, s):\n    k = np.floor(x/s)\n    return s*np.where(k % 3 == 0, k, k + 1)",
    "def n(x, p):\n    return x + torch.randn_like(x)*x.roll(1, 0)*p",
    "for p in ps:\n    p.grad.mul_(1 + 0.1*torch.sign(p.grad.roll(1, 0)))",
    "def lr(t, hist, hi=3e-4):\n    if len(hist) < 12: return hi\n    return hi*sum(hist[-3:])",
)


@pytest.mark.parametrize("technique", KNOWN)
def test_code_in_odd_spellings_is_named_by_what_it_computes(technique: str) -> None:
    flagged = [e for e in program_evidence(KNOWN[technique], "", load_catalogue()) if e.flags]
    assert flagged
    assert flagged[0].technique == technique


@pytest.mark.parametrize("code", ODD)
def test_odd_code_for_the_same_inputs_is_not_flagged(code: str) -> None:
    assert not [e for e in program_evidence(code, "", load_catalogue()) if e.flags]


def test_a_code_book_is_known_by_its_numbers() -> None:
    levels = (
        "[-1, -.6962, -.5251, -.3949, -.2844, -.1848, -.0911, 0, "
        ".0796, .1609, .2461, .3379, .4407, .5626, .723, 1]"
    )
    source = read_source(f"C = {levels}")
    other = read_source("C = [k/8 for k in range(16)]\nD = [0.0, 0.5, 1.0]")
    assert source is not None
    assert other is not None
    assert known_tables(source.after) == ["nf4-quantization"]
    assert known_tables(other.after) == []
