"""The texts that language models are given, as files, so that they can be read and changed as prose."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from string import Template

__all__ = ["prompt"]


@cache
def prompt(name: str) -> Template:
    """The prompt in NAME.md; `$word` marks what is filled in."""
    return Template(files(__package__).joinpath(f"{name}.md").read_text("utf-8"))
