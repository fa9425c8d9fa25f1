"""Put a checker together from what is installed."""

from __future__ import annotations

from .catalogue import load_catalogue
from .checker import Checker

__all__ = ["build_checker"]


def build_checker() -> Checker:
    """A checker over the shipped catalogue."""
    return Checker(load_catalogue())
