"""The fit: its split, its threshold, and that it finds what is there to be found."""

from __future__ import annotations

import json
from pathlib import Path

from experiments.novelty.catalogue import load_catalogue
from experiments.novelty.text.fit import in_fit_half

DEVELOPMENT = Path(__file__).parents[3] / "bench" / "novelty_dev"


def test_development_items_are_sound() -> None:
    catalogue = load_catalogue()
    items = [
        json.loads(line) for file in DEVELOPMENT.glob("*.jsonl") for line in file.read_text().splitlines()
    ]
    assert len({item["id"] for item in items}) == len(items) >= 320
    assert sum(item["label"] == "unmatched" for item in items) >= 100
    for item in items:
        assert item["label"] in {"rediscovery", "variant", "unmatched"}
        assert (item["technique"] is None) == (item["label"] == "unmatched")
        assert item["technique"] is None or item["technique"] in catalogue.by_id


def test_no_development_claim_was_copied_into_the_catalogue() -> None:
    descriptions = {
        d.lower().strip(" .!") for entry in load_catalogue().techniques for d in entry.descriptions
    }
    for file in DEVELOPMENT.glob("*.jsonl"):
        for line in file.read_text().splitlines():
            assert json.loads(line)["claim"].lower().strip(" .!") not in descriptions


def test_both_halves_are_large_and_late_claims_are_never_fitted() -> None:
    halves = [in_fit_half(f"red-{number:03d}") for number in range(400)]
    assert 150 < sum(halves) < 250
    assert not any(in_fit_half(f"late-{number:03d}") for number in range(50))
    assert not any(in_fit_half(f"stranger-c{number:03d}") for number in range(50))
    assert all(in_fit_half(f"stranger-seen-c{number:03d}") for number in range(50))
