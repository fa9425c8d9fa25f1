"""What the words of a claim say besides which technique they describe: code among them, and twists."""

from __future__ import annotations

import re
from typing import Final

from ..catalogue import Technique

__all__ = ["is_tuning", "parts_of", "what_differs"]

_FENCE = re.compile(r"```[\w+-]*\n(.*?)(?:```|\Z)", re.S)
_CODE_LINE = re.compile(
    r"^\s*(?:[+-]\s|def |class |import |from \w+ import|return\b|for .*:$|if .*:$|@\w|#)|"
    r"^\s*[\w.\[\], ]+\s*[-+*/]?=\s*\S|^\s*[\w.]+\(.*\)\s*$"
)
_TWIST = re.compile(
    r"(?:[,;]|\band\b)?\s*\b(but|except(?: that)?|though|only that|with the twist|the twist)\b\s+([^.!?;\n]+)"
)
_LEAST_TWIST: Final = 3  # words
_MOST_TWIST: Final = 120  # characters shown


def parts_of(text: str) -> tuple[str, str]:
    """The prose and the code of a text that may hold both."""
    code = _FENCE.findall(text)
    rest = _FENCE.sub("\n", text).split("\n")
    if len(rest) > 1:
        code += [line for line in rest if _CODE_LINE.match(line)]
        rest = [line for line in rest if not _CODE_LINE.match(line)]
    return "\n".join(rest), "\n".join(code)


def is_tuning(entry: Technique) -> bool:
    """Whether the entry is a mere move of a setting that every recipe has."""
    return entry.category == "tuning" or entry.id.endswith("-tuning")


def what_differs(text: str) -> str:
    """The clause in which a claim says how it departs from what it just described, or nothing."""
    found = _TWIST.search(parts_of(text)[0])
    if found is None or len(found.group(2).split()) < _LEAST_TWIST:
        return ""
    clause = " ".join(found.group(0).lstrip(" ,;").split())
    return clause[:_MOST_TWIST]
