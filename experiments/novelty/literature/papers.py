"""The services' formats: how each is asked, and how its answer becomes papers.

Sources: arXiv API user's manual (Atom over HTTP, at most one request in three seconds), OpenAlex "works"
(JSON; a key raises the daily allowance), Semantic Scholar Graph API "paper/search" (JSON; one request a
second with a key, a shared allowance without).  Answers are hostile: they are bounded before they are read,
XML with a document type is refused, and of each paper only a few short fields are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from leaderboard.errors import PeerError

__all__ = ["MOST_BYTES", "Paper", "Source", "sources"]

MOST_BYTES = 1 << 20  # of one answer; five papers with abstracts have some 20 kB
_MOST_TEXT = 300  # characters of a title or an identifier
_MOST_PAPERS = 10
_ATOM = "{http://www.w3.org/2005/Atom}"


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper as a service knows it; `year` is 0 where it does not say."""

    title: str
    year: int
    reference: str
    """`arXiv:...`, `doi:...` or the service's own identifier."""
    source: str


@dataclass(frozen=True, slots=True)
class Source:
    """A service: where it is, how it is asked, how it is read, and how long to wait between requests."""

    name: str
    base: str
    path: str
    question: Callable[[Sequence[str]], Mapping[str, str]]
    read: Callable[[bytes], list[Paper]]
    pause_s: float
    key_variable: str = ""
    """Environment variable that may hold a key."""
    key_header: str = ""
    key_parameter: str = ""


def sources() -> tuple[Source, ...]:
    """The services, in the order in which they are asked."""
    return (
        Source("arXiv", "https://export.arxiv.org", "/api/query", _ask_arxiv, _read_arxiv, 3.0),
        Source(
            "OpenAlex",
            "https://api.openalex.org",
            "/works",
            _ask_openalex,
            _read_openalex,
            1.0,
            key_variable="OPENALEX_API_KEY",
            key_parameter="api_key",
        ),
        Source(
            "Semantic Scholar",
            "https://api.semanticscholar.org",
            "/graph/v1/paper/search",
            _ask_scholar,
            _read_scholar,
            3.0,
            key_variable="SEMANTIC_SCHOLAR_API_KEY",
            key_header="x-api-key",
        ),
    )


# --- questions ------------------------------------------------------------------------------------------


def _ask_arxiv(words: Sequence[str]) -> Mapping[str, str]:
    """All of the first words: arXiv has no ranking by how many of them a paper has."""
    joined = " AND ".join(f"all:{word}" for word in words[:5])
    return {"search_query": joined, "max_results": "5", "sortBy": "relevance"}


def _ask_openalex(words: Sequence[str]) -> Mapping[str, str]:
    fields = "id,doi,display_name,publication_year"
    return {"search": " ".join(words), "per-page": "5", "select": fields}


def _ask_scholar(words: Sequence[str]) -> Mapping[str, str]:
    return {"query": " ".join(words), "limit": "5", "fields": "title,year,externalIds"}


# --- answers --------------------------------------------------------------------------------------------


def _read_arxiv(body: bytes) -> list[Paper]:
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise PeerError("the answer is XML with a document type")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - bounded, and without entities
    except ElementTree.ParseError as error:
        raise PeerError(f"the answer is no XML: {error}") from None
    papers = []
    for entry in root.findall(f"{_ATOM}entry")[:_MOST_PAPERS]:
        identity = _text(entry.findtext(f"{_ATOM}id"))
        found = re.search(r"arxiv\.org/abs/([\w.\-/]+?)(?:v\d+)?$", identity)
        year = _text(entry.findtext(f"{_ATOM}published"))[:4]
        title = _text(entry.findtext(f"{_ATOM}title"))
        if found and title:
            reference = f"arXiv:{found.group(1)}"
            papers.append(Paper(title, int(year) if year.isdecimal() else 0, reference, "arXiv"))
    return papers


def _read_openalex(body: bytes) -> list[Paper]:
    papers = []
    for item in _rows(body, "results"):
        doi = _text(item.get("doi")).removeprefix("https://doi.org/")
        reference = f"doi:{doi}" if doi else _text(item.get("id"))
        papers.append(
            Paper(_text(item.get("display_name")), _year(item.get("publication_year")), reference, "OpenAlex")
        )
    return [paper for paper in papers if paper.title]


def _read_scholar(body: bytes) -> list[Paper]:
    papers = []
    for item in _rows(body, "data"):
        ids = item.get("externalIds")
        known = ids if isinstance(ids, Mapping) else {}
        arxiv, doi = _text(known.get("ArXiv")), _text(known.get("DOI"))
        reference = f"arXiv:{arxiv}" if arxiv else f"doi:{doi}" if doi else f"S2:{_text(item.get('paperId'))}"
        papers.append(Paper(_text(item.get("title")), _year(item.get("year")), reference, "Semantic Scholar"))
    return [paper for paper in papers if paper.title]


def _rows(body: bytes, field: str) -> list[Mapping[str, object]]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise PeerError("the answer is no JSON") from None
    rows = value.get(field) if isinstance(value, dict) else None
    if not isinstance(rows, list):
        raise PeerError(f"the answer has no list {field!r}")
    return [row for row in rows[:_MOST_PAPERS] if isinstance(row, dict)]


def _text(value: object) -> str:
    """A short text on one line without control characters; empty for anything else."""
    if not isinstance(value, str):
        return ""
    printable = "".join(c if c.isprintable() else " " for c in value[: 4 * _MOST_TEXT])
    return " ".join(printable.split())[:_MOST_TEXT]


def _year(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 1500 < value < 3000 else 0
