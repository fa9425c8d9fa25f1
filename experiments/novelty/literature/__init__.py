"""Asking public literature services whether somebody wrote about this; off unless a person asks for it.

`look_up` sends words of the claim, and nothing else, to arXiv, OpenAlex and Semantic Scholar, and lists the
papers that they answer with.  A list of papers is for a person to read: it never flags anything.
"""

from __future__ import annotations

from .lookup import Findings, Literature, open_literature
from .papers import Paper, Source, sources

__all__ = ["Findings", "Literature", "Paper", "Source", "open_literature", "sources"]
