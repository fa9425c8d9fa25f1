"""Recipes: one payload per meaning, and errors that say what to change."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.recipe import Recipe
from experiments.space import Choice, FloatRange, IntRange, RecipeError, Setting, Slot, Space, Switch
from leaderboard.errors import PeerError
from leaderboard.records import recipe_id

SPACE = Space(
    settings=(
        Setting("lr", FloatRange(1e-4, 1.0, log=True), "step size"),
        Setting("depth", IntRange(1, 9), "layers"),
        Setting("mode", Choice(("fast", "slow")), "speed"),
        Setting("bias", Switch(), "biases"),
    ),
    slots=(Slot("init_std", ("fan_in", "fan_out"), "weights"), Slot("activation", ("x",), "units")),
)


@dataclass(frozen=True)
class Contest:
    space: Space
    reference: Recipe


REFERENCE = Recipe.complete(
    SPACE,
    {"lr": 0.1, "depth": 3, "mode": "fast", "bias": True},
    {"init_std": "1/sqrt(fan_in)", "activation": "max(x, 0)"},
)
CONTEST = Contest(SPACE, REFERENCE)


def test_payload_round_trip() -> None:
    assert Recipe.from_payload(REFERENCE.to_payload(), CONTEST) == REFERENCE


def test_what_is_not_said_is_as_in_the_reference() -> None:
    recipe = Recipe.from_payload({"slots": {"init_std": "0.1"}}, CONTEST)
    assert recipe.slot("activation") == "max(x, 0)"
    assert recipe.setting("depth") == 3
    assert recipe.number("lr") == 0.1
    assert Recipe.from_payload({}, CONTEST) == REFERENCE


@pytest.mark.parametrize(
    "payload",
    [
        {"slots": {"init_std": "(fan_in)**-0.5"}},
        {"slots": {"init_std": " 1 / fan_in ** 0.5"}, "settings": {"depth": 3}},
        {"settings": {"lr": 0.1, "bias": True}, "slots": {"activation": "max(0,x)"}},
    ],
)
def test_spelling_does_not_change_the_id(payload: dict[str, object]) -> None:
    assert recipe_id(Recipe.from_payload(payload, CONTEST).to_payload()) == recipe_id(REFERENCE.to_payload())


def test_an_integer_for_a_float_is_the_float() -> None:
    recipe = Recipe.from_payload({"settings": {"lr": 1}}, CONTEST)
    assert isinstance(recipe.setting("lr"), float)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"settings": {"lrr": 0.1}}, "did you mean 'lr'"),
        ({"slots": {"init": "1"}}, "did you mean 'init_std'"),
        ({"setting": {}}, "did you mean 'settings'"),
        ({"settings": {"mode": "fats"}}, "did you mean 'fast'"),
        ({"settings": {"lr": 2.0}}, "between"),
        ({"settings": {"lr": float("nan")}}, "between"),
        ({"settings": {"lr": 10**400}}, "between"),
        ({"settings": {"lr": True}}, "number"),
        ({"settings": {"depth": 2.0}}, "integer"),
        ({"settings": {"bias": 1}}, "true or false"),
        ({"slots": {"init_std": "fan_on"}}, "init_std: unknown name"),
        ({"slots": {"init_std": 3}}, "as text"),
        ({"slots": {"init_std": "1+" * 3000 + "1"}}, "characters"),
        ({"program": b"x" * 32}, "no programs"),
        ({"program": "x"}, "32-byte"),
        ({"settings": {str(i): 1 for i in range(65)}}, "65 keys"),
        ({"settings": {1: 1}}, "not text"),
        ({"settings": []}, "a map"),
        (None, "a map"),
    ],
)
def test_refusals_say_what_to_change(payload: object, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.from_payload(payload, CONTEST)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["settings", "slots", "program", "lr", "depth", "init_std", "?"]), inner
        )
    ),
    max_leaves=9,
)


@given(json)
def test_garbage_gives_a_recipe_or_a_peer_error(payload: object) -> None:
    try:
        recipe = Recipe.from_payload(payload, CONTEST)
    except PeerError:
        return
    assert Recipe.from_payload(recipe.to_payload(), CONTEST) == recipe


def test_programs_only_where_the_track_takes_them() -> None:
    space = Space(SPACE.settings, SPACE.slots, programs=True)
    contest = Contest(space, REFERENCE)
    recipe = Recipe.from_payload({"program": b"x" * 32}, contest)
    assert recipe.to_payload()["program"] == b"x" * 32
    with pytest.raises(RecipeError, match="32-byte"):
        Recipe.from_payload({"program": b"x" * 31}, contest)


def test_a_space_names_each_key_once() -> None:
    with pytest.raises(RecipeError, match="twice"):
        Space((), (Slot("a", ("x",), ""), Slot("a", ("y",), "")))
