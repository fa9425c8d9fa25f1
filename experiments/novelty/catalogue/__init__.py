"""The catalogue of known techniques: data files, their schema, a loader and a linter."""

from .entry import CATEGORIES, PROBES, ProbeValue, Technique, decode_technique
from .load import Catalogue, alias_key, build_catalogue, load_catalogue

__all__ = [
    "CATEGORIES",
    "PROBES",
    "Catalogue",
    "ProbeValue",
    "Technique",
    "alias_key",
    "build_catalogue",
    "decode_technique",
    "load_catalogue",
]
