"""A recipe: what a candidate *is*. Typed settings, one expression per slot, perhaps a program's hash.

A recipe says every setting and every slot of its track's space, in canonical form, so two recipes that
differ only in spelling have equal payloads and therefore one content id (`leaderboard.records.recipe_id`).
Recipes come from peers, people and models: `Recipe.from_payload` trusts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from leaderboard.codec import ValueMap
from leaderboard.ids import RecipeId
from leaderboard.records import recipe_id

from .space import RecipeError, Scalar, Space, nearest

__all__ = ["HasSpace", "Recipe", "RecipeError"]

_PARTS: Final = ("program", "settings", "slots")
_MAX_KEYS: Final = 64  # of settings or of slots, before any is looked at
_HASH_BYTES: Final = 32


class HasSpace(Protocol):
    """What a recipe needs to know of its track."""

    @property
    def space(self) -> Space:
        """Settings and slots."""

    @property
    def reference(self) -> Recipe:
        """The recipe that says what an unsaid key means."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings and slots sorted by name, all of them said; hashable, so it can be a key."""

    settings: tuple[tuple[str, Scalar], ...]
    slots: tuple[tuple[str, str], ...]
    program: bytes | None = None

    @classmethod
    def complete(
        cls,
        space: Space,
        settings: Mapping[str, object],
        slots: Mapping[str, object],
        program: bytes | None = None,
    ) -> Recipe:
        """A recipe from values for every key of the space; RecipeError for a wrong, odd or missing one."""
        for name in settings:
            space.setting(name)
        for name in slots:
            space.slot(name)
        missing = {s.name for s in space.settings} - settings.keys()
        missing |= {s.name for s in space.slots} - slots.keys()
        if missing:
            raise RecipeError(f"the recipe does not say {', '.join(sorted(missing))}")
        _check_program(program, space)
        return cls(
            tuple(sorted((s.name, s.domain.read(s.name, settings[s.name])) for s in space.settings)),
            tuple(sorted((slot.name, slot.read(slots[slot.name])) for slot in space.slots)),
            program,
        )

    @classmethod
    def from_payload(cls, obj: object, track: HasSpace) -> Recipe:
        """Read a payload or a person's partial one; what is not said is as in the track's reference.

        Raises RecipeError (a PeerError) that names the key and, for an unknown key, the nearest known one.
        """
        parts = _mapping(obj, "a recipe")
        for key in parts:
            if key not in _PARTS:
                raise RecipeError(f"unknown part {key[:32]!r} of a recipe; {nearest(key, _PARTS)}")
        settings = _mapping(parts.get("settings", {}), "settings")
        slots = _mapping(parts.get("slots", {}), "slots")
        program = parts.get("program")
        if program is not None and not isinstance(program, bytes):
            raise RecipeError("program must be the 32-byte hash of the code")
        reference = track.reference
        return cls.complete(
            track.space, {**dict(reference.settings), **settings}, {**dict(reference.slots), **slots}, program
        )

    @property
    def id(self) -> RecipeId:
        """The content id that claims of this recipe share."""
        return recipe_id(self.to_payload())

    def to_payload(self) -> ValueMap:
        """The plain canonical form that records carry and hash."""
        payload: dict[str, ValueMap | bytes] = {"settings": dict(self.settings), "slots": dict(self.slots)}
        if self.program is not None:
            payload["program"] = self.program
        return payload

    def setting(self, name: str) -> Scalar:
        """The value of a setting; RecipeError if there is none of that name."""
        for key, value in self.settings:
            if key == name:
                return value
        raise RecipeError(f"unknown setting {name[:32]!r}; {nearest(name, dict(self.settings))}")

    def number(self, name: str) -> float:
        """The value of a numeric setting, as a float."""
        value = self.setting(name)
        if isinstance(value, str | bool):
            raise RecipeError(f"the setting {name!r} is not a number")
        return float(value)

    def slot(self, name: str) -> str:
        """The canonical text in a slot; RecipeError if there is none of that name."""
        for key, text in self.slots:
            if key == name:
                return text
        raise RecipeError(f"unknown slot {name[:32]!r}; {nearest(name, dict(self.slots))}")


def _mapping(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise RecipeError(f"{what} must be a map from names to values")
    if len(value) > _MAX_KEYS:
        raise RecipeError(f"{what} has {len(value)} keys; at most {_MAX_KEYS} are read")
    for key in value:
        if not isinstance(key, str):
            raise RecipeError(f"a key of {what} is not text")
    return dict(value)


def _check_program(program: bytes | None, space: Space) -> None:
    if program is None:
        return
    if not space.programs:
        raise RecipeError("this track takes no programs; say it with settings and expressions")
    if len(program) != _HASH_BYTES:
        raise RecipeError(f"program must be the {_HASH_BYTES}-byte hash of the code")
