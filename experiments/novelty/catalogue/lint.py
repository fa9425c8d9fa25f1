"""The catalogue's linter: `python -P -m experiments.novelty.catalogue.lint [--symbols]`.

The decoder refuses data of the wrong type; this module finds data that is well typed and wrong: a reference
to an entry that does not exist, two entries with one name, a formula that does not parse, a paper younger
than the technique it introduced, a description too thin to recognise anything by.  `problems` is pure and
returns every fault it finds, so one run shows all the work.

`--symbols` also resolves each library symbol.  That imports torch and takes seconds, hence an option.

Not covered: whether the facts are true.  A linter sees that an arXiv id has the form of one and is not older
than the year claimed; only a reader of the paper sees that it is the right one.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from .entry import CATEGORIES, PROBES, Technique
from .load import Catalogue, alias_key, load_catalogue

__all__ = ["main", "problems", "unresolved_symbols"]

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_WORD = re.compile(r"[^\W_]+")
_ARXIV = re.compile(r"arXiv:(\d{2})(0[1-9]|1[0-2])\.(\d{4,5})")
_DOI = re.compile(r"doi:10\.\d{4,9}/\S+")
_FIVE_DIGITS_SINCE = 15
"""arXiv numbered papers with four digits until the end of 2014 and with five from January 2015."""

FIRST_YEAR = 1600
"""Older than any method here (Newton's is of 1669); catches typing errors such as 197."""
LAST_YEAR = 2026
LEAST_DESCRIPTIONS = 3
"""Measured need: with one description a technique, retrieval named a quarter of unseen paraphrases."""
LEAST_WORDS = 6
"""A description in fewer words is a name, and names recognise nothing."""


def problems(catalogue: Catalogue) -> list[str]:
    """Every fault in the catalogue, one line each that begins with category and entry; empty when sound."""
    found = [
        f"{entry.category}.json, {entry.id}: {fault}"
        for entry in catalogue.techniques
        for fault in (
            *_identity_faults(entry),
            *_paper_faults(entry),
            *_description_faults(entry),
            *_formula_faults(entry),
            *_reference_faults(entry, catalogue),
        )
    ]
    return [*found, *_shared_names(catalogue), *_shared_descriptions(catalogue)]


def _identity_faults(entry: Technique) -> Iterator[str]:
    if not _ID.fullmatch(entry.id):
        yield "the id must be lower-case words joined by single hyphens"
    if entry.category not in CATEGORIES:
        yield f"unknown category {entry.category!r}"
    if not FIRST_YEAR <= entry.year <= LAST_YEAR:
        yield f"year {entry.year} is outside {FIRST_YEAR}..{LAST_YEAR}"
    if not entry.authors or not all(name.strip() for name in entry.authors):
        yield "needs at least one author's family name"
    if entry.probe is not None and entry.probe not in PROBES:
        yield f"unknown probe {entry.probe!r}; known: {', '.join(PROBES)}"
    if entry.probe_params and entry.probe is None:
        yield "has probe_params but no probe"


def _paper_faults(entry: Technique) -> Iterator[str]:
    reference = entry.paper_ref
    if reference.lower().startswith("arxiv"):
        yield from _arxiv_faults(entry)
    elif reference.startswith("doi:"):
        if not _DOI.fullmatch(reference):
            yield f"{reference!r} is not of the form doi:10.1234/suffix"
    else:
        years = [int(year) for year in re.findall(r"\b(?:1[6-9]|20)\d{2}\b", reference)]
        if not years and entry.paper_ref != "PyTorch source code":
            yield f"{reference!r} must be arXiv:..., doi:... or a venue followed by its year"
        if years and max(years) < entry.year:
            yield f"dated {entry.year}, but its paper is of {max(years)}"


def _arxiv_faults(entry: Technique) -> Iterator[str]:
    match = _ARXIV.fullmatch(entry.paper_ref)
    if match is None:
        yield f"{entry.paper_ref!r} is not of the form arXiv:2002.12345"
        return
    year, _, number = match.groups()
    if len(number) != (5 if int(year) >= _FIVE_DIGITS_SINCE else 4):
        yield f"{entry.paper_ref!r} has the wrong number of digits for its year"
    if 2000 + int(year) < entry.year:
        yield f"dated {entry.year}, but {entry.paper_ref} is of {2000 + int(year)}"


def _description_faults(entry: Technique) -> Iterator[str]:
    if len(entry.descriptions) < LEAST_DESCRIPTIONS:
        yield f"has {len(entry.descriptions)} descriptions, needs {LEAST_DESCRIPTIONS}"
    for text in entry.descriptions:
        if len(_WORD.findall(text)) < LEAST_WORDS:
            yield f"description {text!r} is shorter than {LEAST_WORDS} words"


def _formula_faults(entry: Technique) -> Iterator[str]:
    if entry.formula is None:
        return
    try:
        ast.parse(entry.formula, mode="eval")
    except SyntaxError as error:
        yield f"formula {entry.formula!r} does not parse: {error.msg}"


def _reference_faults(entry: Technique, catalogue: Catalogue) -> Iterator[str]:
    for field in ("special_case_of", "combines_with", "not_to_confuse"):
        named: tuple[str, ...] = getattr(entry, field)
        for other in named:
            if other not in catalogue.by_id:
                yield f"{field} names {other!r}, which is not an entry"
            if other == entry.id:
                yield f"{field} names the entry itself"
        if len(set(named)) != len(named):
            yield f"{field} names an entry twice"


def _shared_names(catalogue: Catalogue) -> Iterator[str]:
    for identity, uses in Counter(entry.id for entry in catalogue.techniques).items():
        if uses > 1:
            yield f"id {identity!r} is used by {uses} entries"
    owners: dict[str, set[str]] = defaultdict(set)
    for entry in catalogue.techniques:
        for name in (*entry.names, entry.id):
            owners[alias_key(name)].add(entry.id)
    for key, entries in owners.items():
        if len(entries) > 1:
            yield f"name {key!r} belongs to several entries: {', '.join(sorted(entries))}"


def _shared_descriptions(catalogue: Catalogue) -> Iterator[str]:
    owners: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for entry in catalogue.techniques:
        for text in entry.descriptions:
            owners[tuple(sorted(_WORD.findall(text.lower())))].append(entry.id)
    for words, entries in owners.items():
        if len(entries) > 1:
            yield f"one description serves {', '.join(entries)} (words: {' '.join(words[:8])})"


def unresolved_symbols(entries: Iterable[Technique]) -> list[str]:
    """Symbols of installed libraries that do not exist; a library that is not installed is passed over."""
    return [
        f"{entry.category}.json, {entry.id}: no such symbol {entry.symbol}"
        for entry in entries
        if entry.symbol is not None and _installed(entry.symbol) and not _resolves(entry.symbol)
    ]


def _installed(symbol: str) -> bool:
    return importlib.util.find_spec(symbol.partition(".")[0]) is not None


def _resolves(symbol: str) -> bool:
    parts = symbol.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            found = _member(found, name)
        return found is not None
    return False


def _member(owner: object, name: str) -> object:
    try:
        return getattr(owner, name, None)
    except ImportError:  # a lazy module that wants a flag or an extra: nobody can use the symbol as it stands
        return None


def main(arguments: list[str]) -> int:
    """Print every fault; the exit status is 1 when there is one, 2 for an unknown option."""
    if arguments not in ([], ["--symbols"]):
        print("usage: python -P -m experiments.novelty.catalogue.lint [--symbols]", file=sys.stderr)
        return 2
    catalogue = load_catalogue()
    found = problems(catalogue)
    if arguments:
        found += unresolved_symbols(catalogue.techniques)
    for line in found:
        print(line)
    print(f"{len(catalogue)} techniques, catalogue {catalogue.version}, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
