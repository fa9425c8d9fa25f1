"""What language models have cost, kept in the notebook: neither a restart nor a second process forgets it."""

from __future__ import annotations

from collections.abc import Callable

from experiments.llm.budget import Spent

from .notebook import Notebook

__all__ = ["NotebookPurse"]


class NotebookPurse:
    """Implements `experiments.llm.budget.Purse`."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook

    def look(self) -> Spent:
        return self._notebook.spent()

    def change(self, turn: Callable[[Spent], Spent]) -> None:
        """Compare and swap: whoever was slower computes again from what the other one has spent."""
        while True:
            before = self._notebook.spent()
            if self._notebook.spend(before, turn(before)):
                return
