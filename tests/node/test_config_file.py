"""Changing dials in a configuration file: exactly those, wherever and however they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.config import load, template
from node.config_file import set_dials
from node.errors import Misuse
from node.home import Home

USE = {"llm.endpoint": "http://127.0.0.1:8080/v1", "llm.model": 'a "quoted" model'}


def changed(tmp_path: Path, text: str | None, **settings: object) -> str:
    home = Home(tmp_path)
    if text is not None:
        home.config.write_text(text)
    set_dials(home, settings or USE)
    found = load(home, {}, {}).llm
    assert (found.endpoint, found.model) == (USE["llm.endpoint"], USE["llm.model"])
    return home.config.read_text()


def test_only_the_named_dials_of_a_fresh_file_change(tmp_path: Path) -> None:
    before = template({"node.name": "ada"})
    after = changed(tmp_path, before).splitlines()
    differ = [(old, new) for old, new in zip(before.splitlines(), after, strict=True) if old != new]
    assert differ == [
        ('# endpoint = ""', 'endpoint = "http://127.0.0.1:8080/v1"'),
        ('# model = ""', 'model = "a \\"quoted\\" model"'),
    ]


def test_a_file_is_made_where_there_is_none(tmp_path: Path) -> None:
    assert "[llm]" in changed(tmp_path, None)


def test_what_stands_there_is_replaced_and_neighbours_are_not(tmp_path: Path) -> None:
    llm = '[ llm ]  # ours\nmodel = "old"\nendpoint="http://old/v1"\n'
    text = f'[node]\nname = "x"  # mine\n\n{llm}\n[log]\nlevel = "info"\n'
    after = changed(tmp_path, text)
    assert 'name = "x"  # mine\n' in after
    assert after.endswith('\n\n[log]\nlevel = "info"\n')
    assert "old" not in after
    assert len(after.splitlines()) == len(text.splitlines())


def test_a_section_or_a_line_that_is_missing_is_added(tmp_path: Path) -> None:
    after = changed(tmp_path, '[node]\nname = "x"\n')
    assert after.endswith('[llm]\nendpoint = "http://127.0.0.1:8080/v1"\nmodel = "a \\"quoted\\" model"\n')
    after = changed(tmp_path, "[llm]\ntemperature = 0.5\n\n[log]\n")
    assert after.index("temperature") < after.index("endpoint") < after.index("[log]")


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("[llm]\nmodel = 3\n", {"llm.temperature": 9.0}),
        ("[llm\n", USE),
        ("", {"llm.modle": "x"}),
        ("[llm]\nnonsense = 1\n", USE),
        ('[llm]\nendpoint = """\nhttp://x/v1\n"""\nmodel = "m"\n', USE),
    ],
)
def test_a_mistake_changes_nothing(tmp_path: Path, text: str, settings: dict[str, object]) -> None:
    home = Home(tmp_path)
    home.config.write_text(text)
    with pytest.raises(Misuse):
        set_dials(home, settings)
    assert home.config.read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]
