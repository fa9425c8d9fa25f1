"""Who has the ideas on this node: the configured proposer, and one that stands by where it may be slow."""

from __future__ import annotations

from collections.abc import Callable

from experiments.search.baselines import Greedy, RandomSearch
from experiments.search.numeric import CmaEs, Tpe
from experiments.search.portfolio import embedded, hybrid
from experiments.search.proposer import Proposer

from .model import Model

__all__ = ["thinkers"]

_BASELINES: dict[str, Callable[[], Proposer]] = {
    "random": RandomSearch,
    "greedy": Greedy,
    "tpe": lambda: Tpe,
    "cma-es": lambda: CmaEs,
}
"""For comparison: what a node would find without a mind of its own."""


def thinkers(word: str, model: Model | None) -> tuple[Proposer, Proposer | None]:
    """(the proposer that `agent.proposer` names, a quick one that stands by or None).

    `auto` takes the model if there is one, and is the embedded search otherwise.
    """
    if word in _BASELINES:
        return _BASELINES[word](), None
    if model is not None and word == "auto":
        return hybrid(model), embedded()
    return embedded(), None
