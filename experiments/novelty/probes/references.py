"""Reference curves for the probes, taken from the catalogue's formulae."""

from __future__ import annotations

from functools import lru_cache

from ..catalogue import Catalogue, load_catalogue
from ..structure.formula import parse_formula
from .curves import Reference

__all__ = ["activation_references", "gate_references", "residual_references"]


@lru_cache(maxsize=2)
def activation_references(catalogue: Catalogue | None = None) -> tuple[Reference, ...]:
    """Elementwise activations of one input, in catalogue order (simplest and earliest first)."""
    return tuple(ref for ref in _references(catalogue, "activation") if "x" in ref.formula.names)


@lru_cache(maxsize=2)
def gate_references(catalogue: Catalogue | None = None) -> tuple[Reference, ...]:
    """Gates of two inputs `u` and `v`."""
    found = _references(catalogue, "activation")
    return tuple(ref for ref in found if set(ref.formula.names) == {"u", "v"})


@lru_cache(maxsize=2)
def residual_references(catalogue: Catalogue | None = None) -> tuple[Reference, ...]:
    """Losses that are a function of the residual `r` and at most free parameters."""
    shelf = catalogue or load_catalogue()
    found = []
    for entry in shelf.techniques:
        if entry.probe == "loss" and entry.formula is not None:
            formula = parse_formula(entry.formula)
            if "r" in formula.names and not {"y", "z", "v", "p"} & set(formula.names):
                found.append(Reference(entry.id, formula, "r"))
    return tuple(found)


def _references(catalogue: Catalogue | None, probe: str) -> list[Reference]:
    shelf = catalogue or load_catalogue()
    return [
        Reference(entry.id, parse_formula(entry.formula))
        for entry in shelf.techniques
        if entry.probe == probe and entry.formula is not None
    ]
