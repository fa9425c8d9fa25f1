"""The words without a model: what stands, what was known, what caused it, who checked, what failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from leaderboard.board.rows import ClaimView, Row
from leaderboard.evidence.standing import Standing
from leaderboard.ids import to_text

from .book import Book
from .document import Document
from .plots import forest, progress
from .sentences import Refusal

__all__ = ["compose", "refused_shown"]

_MOST_ROWS: Final = 12
"""Rows of each table: a report is read, the board has the rest."""
_MOST_REFUSED: Final = 20


def compose(book: Book, written: Sequence[str] = ()) -> Document:
    """The whole report; `written` are a model's sentences, which go first if they pass the check."""
    manifest = book.manifest
    document = Document(book, f"{manifest.name} v{manifest.version}")
    if written:
        document.head("In words")
        document.say(*written)
    _summary(document, book)
    _standing(document, book)
    _novelty(document, book)
    _causes(document, book)
    _replications(document, book)
    _disputes(document, book)
    _failures(document, book)
    return document


def refused_shown(document: Document) -> Sequence[Refusal]:
    """Refusals to list; a model may produce any number."""
    return document.refused[:_MOST_REFUSED]


def _summary(document: Document, book: Book) -> None:
    document.head("Summary")
    if not book.rows:
        document.say("Nobody has claimed anything on this track yet.")
        return
    document.say(
        "{claims track} claims by {authors track} authors, of which {confirmed track} are confirmed, "
        "{replicated track} replicated, {measured track} measured by their author alone, {refuted track} "
        "refuted, {unstable track} unstable and {retracted track} taken back.",
        "They rest on {results track} results and {replications track} replications, {hours track} hours of "
        "computing in all.",
    )
    leader = book.board.leader
    if leader is None:
        document.say("No claim is confirmed: nothing below has been established by others.")
        return
    subject = _id(leader.view)
    document.say(
        f"The leader is {{recipe {subject}}} by {{author {subject}}}: it gains {{effect {subject}}} "
        f"(median over {{seeds {subject}}} seeds that {{replicators {subject}}} other nodes drew), and at "
        f"least {{at_least {subject}}} after correcting for the choice of the best of many.",
        *([f"It is known already: {{label0 {subject}}}."] if _is_known(leader.view) else []),
    )


def _standing(document: Document, book: Book) -> None:
    confirmed = [row for row in book.rows if row.rank is not None][:_MOST_ROWS]
    document.head("What stands")
    if not confirmed:
        document.say("Nothing is confirmed yet.")
    document.draw(forest(book, confirmed), "Median effect of the confirmed claims with its interval")
    document.table(
        ("claim", "recipe", "effect", "between", "and", "seeds", "nodes"),
        [_standing_row(_id(row.view), row) for row in confirmed],
    )
    told = "Claims in order of time; dots are what their authors measured, the line is the best by others"
    document.draw(progress(book), told)


def _standing_row(subject: str, row: Row) -> tuple[str, ...]:
    interval = row.view.evidence.interval
    return (
        f"{{claim {subject}}}",
        f"{{recipe {subject}}}",
        f"{{effect {subject}}}",
        f"{{low {subject}}}" if interval else "",
        f"{{high {subject}}}" if interval else "",
        f"{{seeds {subject}}}",
        f"{{replicators {subject}}}",
    )


def _novelty(document: Document, book: Book) -> None:
    document.head("What was known already")
    found = [view for row in book.rows if (view := row.view).findings and row.rank is not None]
    if not found:
        document.say("No finding about a confirmed claim. No match is not novelty.")
        return
    document.say(
        "What nodes found when they probed confirmed recipes; the absence of a match is not novelty."
    )
    document.table(
        ("recipe", "is", "paper", "how sure"),
        [
            (
                f"{{recipe {_id(view)}}}",
                f"{{label{n} {_id(view)}}}",
                f"{{paper{n} {_id(view)}}}",
                f"{{strength{n} {_id(view)}}}",
            )
            for view in found[:_MOST_ROWS]
            for n in range(min(len(view.findings), 3))
        ],
    )


def _causes(document: Document, book: Book) -> None:
    taken_apart = [view for row in book.rows if (view := row.view).causes][:_MOST_ROWS]
    if not taken_apart:
        return
    document.head("What caused the gains")
    document.say("Each change was undone alone, and the recipe met itself without it on the same seeds.")
    document.table(
        ("recipe", "change", "loses without it", "between", "and", "seeds"),
        [
            (
                f"{{recipe {_id(view)}}}",
                f"{{change{n} {_id(view)}}}",
                f"{{cause{n} {_id(view)}}}",
                f"{{cause{n}_low {_id(view)}}}" if cause.interval else "",
                f"{{cause{n}_high {_id(view)}}}" if cause.interval else "",
                f"{{cause{n}_seeds {_id(view)}}}",
            )
            for view in taken_apart
            for n, cause in enumerate(view.causes)
        ],
    )


def _replications(document: Document, book: Book) -> None:
    document.head("Replications")
    done = [view for row in book.rows if (view := row.view).evidence.replicators][:_MOST_ROWS]
    if not done:
        document.say("No node has replicated another one's claim yet.")
        return
    document.say(
        "Seeds that the author could not choose, and how its own numbers fared when others ran them."
    )
    document.table(
        ("recipe", "stands", "won", "lost", "tied", "diverged", "author's number found", "another found"),
        [
            (
                f"{{recipe {_id(view)}}}",
                view.standing.value,
                f"{{wins {_id(view)}}}",
                f"{{losses {_id(view)}}}",
                f"{{ties {_id(view)}}}",
                f"{{diverged {_id(view)}}}",
                f"{{same {_id(view)}}}",
                f"{{different {_id(view)}}}",
            )
            for view in done
        ],
    )


def _disputes(document: Document, book: Book) -> None:
    contested = [
        view
        for view in book.views
        if view.standing in (Standing.REFUTED, Standing.UNSTABLE) or view.evidence.check.mismatched
    ]
    document.head("Disputes")
    if not contested:
        document.say("No claim is refuted, unstable or contradicted by a peer.")
        return
    document.table(
        ("recipe", "by", "stands", "why", "its author measured", "others"),
        [
            (
                f"{{recipe {_id(view)}}}",
                f"{{author {_id(view)}}}",
                view.standing.value,
                f"{{reason {_id(view)}}}",
                f"{{measured {_id(view)}}}" if book.figure("measured", _id(view)) else "",
                f"{{effect {_id(view)}}}" if view.evidence.median is not None else "",
            )
            for view in _newest(contested)
        ],
    )


def _failures(document: Document, book: Book) -> None:
    document.head("Failures")
    broken = [view for view in book.views if _said(book, view)]
    diverged = [view for view in book.views if view.evidence.author and view.evidence.author.diverged]
    late = [view for view in book.views if view.evidence.overdue]
    if not (broken or diverged or late):
        document.say("No trial failed, diverged or was promised and not delivered.")
    document.table(
        ("recipe", "by", "stands", "what was said"),
        [
            (f"{{recipe {_id(v)}}}", f"{{author {_id(v)}}}", v.standing.value, f"{{said0 {_id(v)}}}")
            for v in _newest(broken)
        ],
    )
    document.table(
        ("recipe that diverged", "by", "own seeds", "diverged"),
        [
            (
                f"{{recipe {_id(view)}}}",
                f"{{author {_id(view)}}}",
                f"{{own_seeds {_id(view)}}}",
                f"{{own_diverged {_id(view)}}}",
            )
            for view in _newest(diverged)
        ],
    )
    document.table(
        ("recipe", "seeds promised by others and not delivered"),
        [(f"{{recipe {_id(view)}}}", f"{{overdue {_id(view)}}}") for view in _newest(late)],
    )


def _said(book: Book, view: ClaimView) -> bool:
    return book.words("said0", _id(view)) is not None


def _newest(views: Iterable[ClaimView]) -> list[ClaimView]:
    return sorted(views, key=lambda view: (-view.time_ms, view.id))[:_MOST_ROWS]


def _is_known(view: ClaimView) -> bool:
    return bool(view.findings) and view.findings[0].technique is not None


def _id(view: ClaimView) -> str:
    return to_text(view.id)
