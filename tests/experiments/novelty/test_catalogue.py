"""The catalogue as it is shipped, and the loader."""

from __future__ import annotations

import json

import pytest

from experiments.novelty.catalogue import CATEGORIES, alias_key, build_catalogue, load_catalogue
from leaderboard.errors import LocalError

LEAST_TECHNIQUES = 500
LEAST_A_CATEGORY = 15


def entry(**changes: object) -> dict[str, object]:
    """A sound entry in the form of the data files, with some fields changed."""
    return {
        "id": "sgd",
        "name": "Gradient descent",
        "aliases": ["SGD"],
        "year": 1951,
        "authors": ["Robbins"],
        "paper_title": "A Stochastic Approximation Method",
        "paper_ref": "Annals of Mathematical Statistics 1951",
        "descriptions": ["one two three four five six"],
        **changes,
    }


def as_file(*entries: object) -> bytes:
    return json.dumps(list(entries)).encode()


def test_every_category_is_filled() -> None:
    catalogue = load_catalogue()
    assert set(catalogue.by_category) == set(CATEGORIES)
    assert len(catalogue) >= LEAST_TECHNIQUES
    thin = {c: len(ts) for c, ts in catalogue.by_category.items() if len(ts) < LEAST_A_CATEGORY}
    assert thin == {}


def test_every_technique_is_reachable_by_each_of_its_names() -> None:
    catalogue = load_catalogue()
    lost = [
        (technique.id, name)
        for technique in catalogue.techniques
        for name in (*technique.names, technique.id)
        if catalogue.lookup(name) is not technique
    ]
    assert lost == []


@pytest.mark.parametrize(
    ("reported", "known"),
    [
        ("learning rate tuning", "lr-tuning"),
        ("context length", "context-length-tuning"),
        ("extended training", "longer-training"),
        ("weight decay", "weight-decay"),
        ("batch size", "batch-size-tuning"),
        ("wider models", "width-tuning"),
        ("Kaiming init", "kaiming-init"),
        ("init scale", "init-scale-tuning"),
        ("Xavier init", "xavier-init"),
        ("RMSNorm", "rms-norm"),
        ("tied embeddings", "weight-tying"),
        ("gradient clipping", "gradient-clipping-norm"),
        ("rotary positions", "rotary-embedding"),
    ],
)
def test_what_the_famous_network_reported_has_an_entry(reported: str, known: str) -> None:
    found = load_catalogue().lookup(reported)
    assert found is not None
    assert found.id == known


def test_names_agree_whatever_their_case_and_punctuation() -> None:
    assert alias_key("GPT-2 (small)") == alias_key("gpt_2 SMALL") == "gpt2small"
    assert alias_key("FAVOR+") != alias_key("FAVOR")


def test_version_follows_the_content() -> None:
    first = build_catalogue({"optimizers": as_file(entry())})
    same = build_catalogue({"optimizers": as_file(entry())})
    other = build_catalogue({"optimizers": as_file(entry(year=1952))})
    assert first.version == same.version != other.version


def test_equivalents_come_earliest_first_and_without_the_technique_itself() -> None:
    files = {
        "optimizers": as_file(
            entry(equivalence_class="same"),
            entry(id="later", year=2000, equivalence_class="same"),
            entry(id="earlier", year=1900, equivalence_class="same"),
            entry(id="alone"),
        )
    }
    catalogue = build_catalogue(files)
    assert [t.id for t in catalogue.equivalents("sgd")] == ["earlier", "later"]
    assert catalogue.equivalents("alone") == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"year": "1951"}, "year"),
        ({"year": True}, "year"),
        ({"aliases": "SGD"}, "aliases"),
        ({"descriptions": [1]}, "descriptions"),
        ({"probe_params": {"x": [1]}}, "probe_params"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_fault_names_file_place_entry_and_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(LocalError) as caught:
        build_catalogue({"optimizers": as_file(entry(id="first"), entry(**changes))})
    message = str(caught.value)
    assert "optimizers.json, entry 2" in message
    assert "'sgd'" in message
    assert field in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "optimizers.json is not valid JSON"),
        (b"{}", "must hold a list"),
        (b"[3]", "entry 1: must be an object"),
    ],
)
def test_a_malformed_file_is_named(content: bytes, words: str) -> None:
    with pytest.raises(LocalError, match=words):
        build_catalogue({"optimizers": content})


def test_an_unknown_category_is_refused() -> None:
    with pytest.raises(LocalError, match="unknown catalogue category 'cooking'"):
        build_catalogue({"cooking": b"[]"})
