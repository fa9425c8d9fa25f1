"""Choose the parts that a piece of foreign code can plausibly play, and let it play them.

A function of one number can be read as an activation, a schedule and a law of initialisation, and `x -> x`
fits something in each.  Hints (names of parameters, what the code calls, words of the claim) decide which
readings are tried; they never decide what is found.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Sequence

from ..structure.code.candidates import Candidate, candidates
from ..structure.code.values import CodeError
from ..verdict import Evidence, Relation
from .binding import tokens
from .curves import as_activation, as_gate, as_schedule
from .gradients import as_gradient_change
from .init import as_init_law, as_init_weights, hints_at_init
from .maps import as_attention, as_compressor, as_mask, as_penalty
from .noise import as_noise, draws_chance
from .optimizer import as_optimizer, hints_at_optimizer
from .tasks import as_task
from .tensors import as_loss, as_normaliser, as_residual_loss

__all__ = ["play"]

Role = Callable[[Candidate], tuple[Evidence, ...]]

_TIME_WORDS = "step it iter iteration epoch t progress frac fraction epochs steps global total tmax"
_TIME = frozenset(_TIME_WORDS.split())
_SCHEDULE_WORDS = ("learning rate", "schedule", "lr ", "warm", "anneal", "decay over", "step size")
_LOSS_WORDS = ("loss", "error", "penal", "cost")
_RESIDUAL = frozenset({"r", "err", "error", "residual", "diff", "delta", "res"})
_INIT_WORDS = (
    "init",
    "weight scale",
    "variance of the weight",
    "starting weights",
    "fan-in",
    "fan-out",
    "fan in",
)
_RANDOM_CALLS = """
    normal_ uniform_ randn rand normal uniform standard_normal random trunc_normal_ kaiming_normal_ randn_like
    kaiming_uniform_ xavier_normal_ xavier_uniform_ orthogonal_ eye_ zeros_ sparse_ gauss svd qr eye zeros
"""
_RANDOM = frozenset(_RANDOM_CALLS.split())


def play(tree: ast.Module, claim: str) -> list[Evidence]:
    """Evidence from every part that the code could play; nothing if it could play none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch and numpy about foreign values
        return _played(tree, claim)


def _played(tree: ast.Module, claim: str) -> list[Evidence]:
    found: list[Evidence] = []
    for candidate in candidates(tree):
        for role in _roles(candidate, claim.lower()):
            try:
                evidence = role(candidate)
            except (CodeError, ValueError, ArithmeticError, LookupError, TypeError, RuntimeError):
                continue  # foreign values can break any step of a probe; then this part was not played
            found += [item for item in evidence if item.relation is not Relation.NOT_PROBED]
            if any(item.flags for item in evidence):
                break
    return found


def _roles(candidate: Candidate, claim: str) -> Sequence[Role]:
    if hints_at_optimizer(candidate):
        return (as_gradient_change, *_hinted_roles(candidate, claim), as_noise, as_task)
    if draws_chance(candidate):
        return (*_hinted_roles(candidate, claim), as_noise, as_task)
    return (as_task, *_hinted_roles(candidate, claim))


def _hinted_roles(candidate: Candidate, claim: str) -> Sequence[Role]:
    names = (*candidate.required, *candidate.optional)
    called = _called(candidate.source)
    if hints_at_optimizer(candidate):
        return (as_optimizer, as_normaliser, as_compressor)
    timed = any(tokens(name) & _TIME for name in names)
    weights = bool(called & _RANDOM)
    if timed or _mentions(claim, _SCHEDULE_WORDS):
        return (as_schedule,) if not weights else (as_init_weights,)
    if weights or hints_at_init(candidate.required):
        ways = (as_init_weights, as_init_law, as_penalty, as_compressor, as_normaliser)
        return (*ways, as_schedule) if _scalar(called, candidate) else ways
    if _mentions(claim, _INIT_WORDS):
        return (as_init_law, as_init_weights)
    if _mentions(claim, _LOSS_WORDS) or any(tokens(name) & _RESIDUAL for name in candidate.required[:1]):
        return (as_residual_loss, as_loss, as_activation, as_normaliser, as_compressor)
    last = (as_schedule,) if _scalar(called, candidate) else ()
    by_count: dict[int, tuple[Role, ...]] = {
        1: (as_activation, as_normaliser, as_compressor, as_penalty, as_mask),
        2: (as_gate, as_loss, as_normaliser),
        3: (as_attention, as_normaliser),
    }
    return (*by_count.get(len(candidate.required), ()), *last)


def _scalar(called: frozenset[str], candidate: Candidate) -> bool:
    """Whether the code works on plain numbers: it may be a schedule with telling names removed."""
    plain = {"float", "int", "max", "min", "cos", "sin", "exp", "sqrt", "pow", "abs", "floor", "log", "round"}
    branches = any(isinstance(node, (ast.If, ast.IfExp)) for node in ast.walk(candidate.source))
    curved = bool(called & {"cos", "exp", "sqrt", "pow"}) and len(candidate.required) > 1
    return called <= plain and (branches or curved) and 1 <= len(candidate.required) <= 5


def _mentions(claim: str, words: Sequence[str]) -> bool:
    return any(word in claim for word in words)


def _called(tree: ast.AST) -> frozenset[str]:
    functions = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    names = (f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in functions)
    return frozenset(names)
