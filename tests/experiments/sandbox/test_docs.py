"""Every code stands in the manual, and the manual names no other."""

from __future__ import annotations

import re
from pathlib import Path

from experiments.sandbox import Code, Level

ROOT = Path(__file__).parents[3]
MANUAL = (ROOT / "docs" / "sandbox.md").read_text()


def test_codes_are_documented() -> None:
    table = MANUAL.split("## Codes of rejection")[1].split("## ")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == {code.value for code in Code}


def test_levels_are_documented() -> None:
    assert all(f"`{level.value}`" in MANUAL for level in Level)


def test_named_attacks_exist() -> None:
    table = (ROOT / "docs" / "threat-model-harness.md").read_text().split("## What is defended")[1]
    rows = [line.split("|")[3] for line in table.split("## ")[0].splitlines() if line.startswith("| ")]
    attacks = {path.stem for path in (ROOT / "tests/adversarial/programs/attacks").glob("*.*")}
    for name in re.findall(r"`([\w*]+)`", " ".join(rows)):
        assert any(re.fullmatch(name.replace("*", r"\w+"), attack) for attack in attacks), name
