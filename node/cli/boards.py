"""`board`: what is known, best first, with what the numbers stand on."""

from __future__ import annotations

import click

from ..api.values import BoardRow, BoardView, FindingView
from ..text import clip, visible
from .client import connect
from .group import Session, shared
from .output import age, amount, print_json, say, short_id, table, width

__all__ = ["board_command"]

_INDENT = "     "


@click.command("board")
@click.argument("track", required=False)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Most rows.")
@shared
def board_command(session: Session, track: str | None, limit: int) -> None:
    """The common board of TRACK, or of every track.

    Ranked rows rest on other nodes' measurements on seeds that the author could not choose. What is merely
    claimed or measured by its author is listed below them, without a rank.
    """
    boards = connect(session.home).get(tuple[BoardView, ...], "/v1/boards", track=track, limit=limit)
    if session.as_json:
        print_json(boards)
        return
    if not boards:
        say("no board yet: no track is installed and no record has arrived")
    for number, board in enumerate(boards):
        if number:
            say()
        _print(board)


def _print(board: BoardView) -> None:
    track = board.track
    better = "lower" if track.direction == "min" else "higher"
    title = click.style(visible(track.name), bold=True)
    say(f"{title} v{track.version}: {clip(visible(track.question), width() - len(track.name) - 8)}")
    say(f"  {visible(track.metric)}, {better} is better; effects are gains over the opponent")
    if not board.rows:
        say("  no claims yet")
        return
    head = ("#", "claim", "standing", "effect", "interval", "seeds", "by", "age")
    below = [[_recipe(row), *(_flag(item) for item in row.findings)] for row in board.rows]
    table(head, [_row(row) for row in board.rows], right="# effect seeds", below=below)
    if any(row.effect is None and row.measured is not None for row in board.rows):
        say("(effects in parentheses are the author's own: shown, never ranked)")
    say(f"digest {board.digest}")


def _row(row: BoardRow) -> tuple[str, ...]:
    own = "-" if row.measured is None else f"({amount(row.measured)})"
    return (
        "" if row.rank is None else str(row.rank),
        short_id(row.claim),
        row.standing,
        own if row.effect is None else amount(row.effect),
        "-" if row.low is None else f"{amount(row.low)}..{amount(row.high)}",
        f"{row.seeds}/{row.replicators}",
        row.author_name[:10],
        age(row.time_ms),
    )


def _recipe(row: BoardRow) -> str:
    """What differs from the reference recipe, on a line of its own: it is what the claim is about."""
    return _INDENT + clip(visible(row.summary), width() - len(_INDENT))


def _flag(finding: FindingView) -> str:
    """Whether the claim's idea is known already, and from where."""
    source = "; ".join(part for part in (finding.paper, finding.symbol) if part)
    doubt = f", {finding.others} disagree" if finding.others else ""
    text = f"{finding.label} ({source}; {finding.strength}{doubt})" if source else finding.label
    mark = click.style("known:", fg="yellow") if finding.technique else "novelty:"
    return f"{_INDENT}{mark} {visible(text)}"
