"""One look-up: the claim's telling words, each service in turn, what came back and what went wrong.

A service that is busy (429, 503) or not there is left out with a note; after that it is not asked again by
this process for a while.  Nothing here raises for what a service does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import httpx

from leaderboard.errors import PeerError

from ..text.words import tokens
from .papers import MOST_BYTES, Paper, Source, sources
from .shelf import Shelf, default_folder

__all__ = ["Findings", "Literature", "open_literature"]

_TIMEOUT_S: Final = 10.0
_WORDS: Final = 8  # of the claim that are sent
_REST_S: Final = 300.0  # after a failure; services that are busy stay busy
_AGENT: Final = "consilience-novelty/1"
_COMMON_WORDS: Final = """
    loss better good gain gains gives result results idea new works work model models network networks train
    training trained train using use used improve improves improved improvement faster seeds run runs trick
    simple just baseline beats instead hypothesis claim found find try tried make makes
"""
_COMMON: Final = frozenset(word for text in _COMMON_WORDS.split() for word in tokens(text))


@dataclass(frozen=True, slots=True)
class Findings:
    """Papers, best first by each service's own order, and a note for each service that gave none."""

    papers: tuple[Paper, ...] = ()
    notes: tuple[str, ...] = ()


class Literature:
    """Looks claims up; one at a time."""

    def __init__(
        self,
        shelf: Shelf,
        services: Sequence[Source],
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shelf = shelf
        self._services = services
        self._environment = environment
        self._clock = clock
        self._quiet_until: dict[str, float] = {}

    def look_up(self, claim: str) -> Findings:
        """What the services have on the claim's words."""
        words = telling_words(claim)
        if not words:
            return Findings(notes=("the claim has no words to look for",))
        papers: dict[str, Paper] = {}
        notes = []
        for source in self._services:
            try:
                for paper in self._of_source(source, words):
                    papers.setdefault(paper.title.lower(), paper)
            except PeerError as error:
                notes.append(f"{source.name}: {error}")
        return Findings(tuple(papers.values()), tuple(notes))

    def _of_source(self, source: Source, words: Sequence[str]) -> list[Paper]:
        question = urlencode(source.question(words))
        kept = self._shelf.find(source.name, question)
        if kept is not None:
            return source.read(kept)
        try:
            body = self._asked(source, question)
            papers = source.read(body)  # only what can be read is kept
        except PeerError:
            self._quiet_until[source.name] = self._clock() + _REST_S
            old = self._shelf.find(source.name, question, stale=True)
            if old is None:
                raise
            return source.read(old)
        self._shelf.keep(source.name, question, body)
        return papers

    def _asked(self, source: Source, question: str) -> bytes:
        if self._clock() < self._quiet_until.get(source.name, 0.0):
            raise PeerError("left alone after a failure")
        self._shelf.wait_turn(source.name, source.pause_s)
        headers = {"user-agent": _AGENT, "accept-encoding": "identity"}
        key = self._environment.get(source.key_variable, "")
        if key and source.key_header:
            headers[source.key_header] = key
        if key and source.key_parameter:
            question = f"{question}&{urlencode({source.key_parameter: key})}"
        return _fetched(f"{source.base}{source.path}?{question}", headers)


def telling_words(claim: str) -> list[str]:
    """The words of a claim that say something about the mechanism, in order, each once."""
    words = (word.strip(".,;:!?()[]'\"").lower() for word in claim.split())
    kept = [w for w in words if w.isascii() and w.replace("-", "").isalpha() and len(w) > 2]
    telling = [w for w in kept if tokens(w) and not _COMMON.intersection(tokens(w))]
    return list(dict.fromkeys(telling))[:_WORDS]


def open_literature(folder: Path | None = None, services: Sequence[Source] | None = None) -> Literature:
    """The services as they are, with answers kept in the user's cache folder."""
    return Literature(Shelf(folder or default_folder()), services or sources(), os.environ)


def _fetched(url: str, headers: Mapping[str, str]) -> bytes:
    """The body of an answer; PeerError, without the address (it may hold a key), for anything else."""
    try:
        with (
            httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False) as client,
            client.stream("GET", url, headers=dict(headers)) as answer,
        ):
            if answer.status_code != 200:
                raise PeerError(f"it answered with status {answer.status_code}")
            body = b""
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    raise PeerError(f"its answer has more than {MOST_BYTES} bytes")
            return body
    except httpx.HTTPError as error:
        raise PeerError(f"not reached ({type(error).__name__})") from None
