"""Read the data files into one immutable `Catalogue`.

One JSON file a category under `data/`: JSON because the standard library reads a megabyte of it in about
ten milliseconds (TOML takes some twenty times as long), and one entry a block keeps reviews readable.
The version is a hash of the content, so a verdict that prints it can be checked against the same catalogue.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType

from leaderboard.errors import LocalError

from .entry import CATEGORIES, Technique, decode_technique

__all__ = ["Catalogue", "alias_key", "build_catalogue", "load_catalogue"]

_IGNORED = re.compile(r"[^\w+∞]|_")
"""What `alias_key` drops: spaces, hyphens, brackets. A regular expression, as a load folds 5,000 names."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every technique we know, in file order, with look-ups by id, category and any of its names."""

    version: str
    techniques: tuple[Technique, ...]
    by_id: Mapping[str, Technique]
    by_category: Mapping[str, tuple[Technique, ...]]
    by_alias: Mapping[str, Technique]
    """Keys are `alias_key` forms of names, aliases and ids."""

    def lookup(self, name: str) -> Technique | None:
        """The technique with this id, name or alias, whatever its case, hyphens and spaces."""
        return self.by_id.get(name) or self.by_alias.get(alias_key(name))

    def equivalents(self, technique_id: str) -> tuple[Technique, ...]:
        """The other members of a technique's equivalence class, earliest first."""
        entry = self.by_id[technique_id]
        if entry.equivalence_class is None:
            return ()
        same = [t for t in self.techniques if t.equivalence_class == entry.equivalence_class]
        return tuple(sorted((t for t in same if t.id != technique_id), key=lambda t: (t.year, t.id)))

    def __len__(self) -> int:
        return len(self.techniques)


def alias_key(name: str) -> str:
    """Fold a name for comparison: lower case, letters and digits and `+` only (`GPT-2` and `gpt2` agree)."""
    return _IGNORED.sub("", name.lower())


def build_catalogue(files: Mapping[str, bytes]) -> Catalogue:
    """Assemble a catalogue from {category: JSON bytes}; raises `LocalError` on a malformed file."""
    digest = hashlib.sha256()
    techniques: list[Technique] = []
    for category in sorted(files, key=_category_order):
        digest.update(category.encode() + b"\0" + files[category] + b"\0")
        techniques += _decode_file(category, files[category])
    by_category: dict[str, list[Technique]] = {}
    by_alias: dict[str, Technique] = {}
    for technique in techniques:
        by_category.setdefault(technique.category, []).append(technique)
        for name in (*technique.names, technique.id):
            by_alias.setdefault(alias_key(name), technique)
    return Catalogue(
        version=digest.hexdigest()[:16],
        techniques=tuple(techniques),
        by_id=MappingProxyType({t.id: t for t in techniques}),
        by_category=MappingProxyType({c: tuple(ts) for c, ts in by_category.items()}),
        by_alias=MappingProxyType(by_alias),
    )


@lru_cache(maxsize=1)
def load_catalogue() -> Catalogue:
    """The shipped catalogue, read once per process."""
    folder = resources.files(__package__).joinpath("data")
    names = [c for c in CATEGORIES if folder.joinpath(f"{c}.json").is_file()]
    return build_catalogue({c: folder.joinpath(f"{c}.json").read_bytes() for c in names})


def _category_order(category: str) -> int:
    if category not in CATEGORIES:
        raise LocalError(f"unknown catalogue category {category!r}; known: {', '.join(CATEGORIES)}")
    return CATEGORIES.index(category)


def _decode_file(category: str, content: bytes) -> list[Technique]:
    try:
        raw = json.loads(content)
    except ValueError as error:
        raise LocalError(f"catalogue file {category}.json is not valid JSON: {error}") from error
    if not isinstance(raw, list):
        raise LocalError(f"catalogue file {category}.json must hold a list of entries")
    return [_decode_item(category, place, item) for place, item in enumerate(raw, start=1)]


def _decode_item(category: str, place: int, item: object) -> Technique:
    where = f"catalogue file {category}.json, entry {place}"
    if not isinstance(item, dict):
        raise LocalError(f"{where}: must be an object; see docs/novelty-catalogue.md")
    try:
        return decode_technique(item, category)
    except LocalError as error:
        raise LocalError(f"{where}: {error}") from error
