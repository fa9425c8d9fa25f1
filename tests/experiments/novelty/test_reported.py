"""The table in the README is what the checker says now."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from types import ModuleType

import pytest

from experiments.novelty.build import build_checker
from experiments.novelty.text.minilm import find_encoder

ROOT = Path(__file__).parents[3]


def load_bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("novelty_reported", ROOT / "bench" / "novelty_reported.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(find_encoder() is None, reason="the extra `embeddings` is not installed")
def test_the_table_of_the_readme_is_current() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about foreign code
        table = load_bench().reported_table(build_checker())
    rows = table.splitlines()
    assert len(rows) == 2 + 13
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [row for row in rows if row not in readme]
    assert not missing, "run `python bench/novelty.py --table` and put the rows into README.md"
