"""Parameters of a request that not every endpoint knows: left out, or named otherwise, where one complains.

The hosted reasoning models want `max_completion_tokens` in place of `max_tokens` and no temperature; small
servers refuse `stream_options`. Nothing is guessed from a model's name: the refusal (HTTP 400, 422) names the
parameter, and the request is sent again without it, so each costs one refused request and no tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .schema import Json

__all__ = ["Dialect"]

_RENAMED: Final = {"max_tokens": "max_completion_tokens"}
_SPARED: Final = ("temperature", "stream_options")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What an endpoint has complained about so far."""

    strange: frozenset[str] = frozenset()
    """Parameters that it does not take."""

    def corrected(self, complaint: str) -> Dialect | None:
        """The dialect after a refusal; None if it is about something else."""
        # The limit of tokens is renamed only if the new name is given: it must never be dropped by mistake.
        found = {old for old, new in _RENAMED.items() if new in complaint}
        found |= {name for name in _SPARED if name in complaint}
        return Dialect(self.strange | found) if found - self.strange else None

    def spoken(self, body: Mapping[str, Json]) -> dict[str, Json]:
        """A request as this endpoint takes it."""
        spared = self.strange.intersection(_SPARED)
        return {
            _RENAMED[name] if name in _RENAMED and name in self.strange else name: value
            for name, value in body.items()
            if name not in spared
        }
