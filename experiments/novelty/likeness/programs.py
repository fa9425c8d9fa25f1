"""Programs that several authors wrote for the techniques of the catalogue, and odd ones that are none.

`programs/*.txt`, one file an author: a line `#### technique-id` (`#### -` for an odd program), then the
program.  The authors had the names of the techniques, and saw neither the checker nor each other's programs.
They are material to learn from (`build.py`, `fit.py`) and are not read when a program is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from leaderboard.errors import LocalError

__all__ = ["FOLDER", "Program", "load_programs", "read_programs"]

FOLDER: Final = Path(__file__).parent / "programs"
_HEAD: Final = "#### "
_ODD: Final = "-"


@dataclass(frozen=True, slots=True)
class Program:
    """One program of one author; `technique` is empty for an odd one."""

    author: str
    technique: str
    code: str


def load_programs(folder: Path = FOLDER) -> list[Program]:
    """All shipped programs, author by author; LocalError names a malformed file."""
    return [
        program
        for file in sorted(folder.glob("*.txt"))
        for program in read_programs(file.read_text(encoding="utf-8"), file.stem)
    ]


def read_programs(text: str, author: str) -> Iterator[Program]:
    """The programs of one author's file."""
    before, *parts = f"\n{text}".split(f"\n{_HEAD}")
    if before.strip():
        raise LocalError(f"programs of {author}: text before the first `{_HEAD}id`")
    for part in parts:
        head, _, code = part.partition("\n")
        if not code.strip():
            raise LocalError(f"programs of {author}: nothing below `{_HEAD}{head}`")
        technique = head.strip()
        yield Program(author, "" if technique == _ODD else technique, code.strip("\n"))
