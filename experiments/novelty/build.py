"""Put a checker together from what is installed."""

from __future__ import annotations

from .catalogue import load_catalogue
from .checker import Checker, Opinion
from .likeness.matcher import LikenessMatcher
from .text.matcher import TextMatcher
from .text.minilm import find_encoder

__all__ = ["build_checker"]


def build_checker(judge: Opinion | None = None) -> Checker:
    """A checker over the shipped catalogue; without the package of the sentence encoder, on words alone."""
    catalogue = load_catalogue()
    return Checker(catalogue, TextMatcher(catalogue, find_encoder()), judge, LikenessMatcher(catalogue))
