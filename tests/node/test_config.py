"""Configuration: later sources win, and mistakes are answered with the nearest right spelling."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.config import Config, dials, load, template
from node.errors import Misuse
from node.home import Home, find_home
from node.typed import plain, read


def loaded(tmp_path: Path, text: str = "", **environ: str) -> Config:
    (tmp_path / "config.toml").write_text(text)
    return load(Home(tmp_path), environ, {})


def test_without_any_source_the_defaults_hold(tmp_path: Path) -> None:
    config = load(Home(tmp_path), {}, {})
    values = plain(config)
    for name, (default, _) in dials().items():
        section, key = name.split(".")
        assert values[section][key] == plain(default)
    assert config.home == Home(tmp_path)


def test_flags_beat_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[api]\nport = 1\n[node]\nname = 'file'\nswarm = 'file'\n")
    environ = {"CONSILIENCE_NODE__NAME": "environment", "CONSILIENCE_API__PORT": "2", "PATH": "/bin"}
    config = load(Home(tmp_path), environ, {"api.port": 3})
    assert (config.api.port, config.node.name, config.node.swarm) == (3, "environment", "file")


def test_environment_values_take_the_type_of_their_dial(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        CONSILIENCE_AGENT__ENABLED="false",
        CONSILIENCE_AGENT__REPLICATE_SHARE="0.5",
        CONSILIENCE_NODE__BOOTSTRAP="/ip4/10.0.0.1/tcp/1/p2p/x, /ip4/10.0.0.2/tcp/1/p2p/y",
    )
    assert not config.agent.enabled
    assert config.agent.replicate_share == 0.5
    assert len(config.node.bootstrap) == 2
    with pytest.raises(Misuse, match="CONSILIENCE_API__PORT='many'"):
        loaded(tmp_path, CONSILIENCE_API__PORT="many")


@pytest.mark.parametrize(
    ("text", "complaint", "hint"),
    [
        ("[api]\nprot = 1", "unknown key `api.prot`", "did you mean `port`?"),
        ("[agnet]\n", "unknown key `agnet`", "did you mean `agent`?"),
        ("[api]\nport = 'x'", "api.port: 'x' is not a whole number", ""),
        ("[agent]\ntracks = 'deep-mlp'", "agent.tracks: 'deep-mlp' is not a list", ""),
        ("[agent]\ntracks = [1]", r"agent.tracks\[0\]: 1 is not text", ""),
        ("[agent]\nenabled = 1", "agent.enabled: 1 is not true or false", ""),
        ("[agent]\nreplicate_share = 1.5", "between 0 and 1", "docs/configuration.md"),
        ("[api]\nhost = '0.0.0.0'", "not a loopback address", ""),
        ("[api]\nport = 65536", "between 0 and 65535", ""),
        ("[node]\nbootstrap = ['/ip4/1.2.3.4/tcp/7118']", "not a multiaddr with /p2p/", ""),
        ("[node]\nlisten = ['localhost:7118']", "not a multiaddr", ""),
        ("[node]\nswarm = ''", "needs 1 to 64", ""),
        ("[log]\nlevel = 'loud'", "not one of debug", ""),
        ("port = 3", "outside every section", "[node]"),
        ("[api\n", "not valid TOML", "docs/configuration.md"),
        ("[api]\nport = 1\nport = 2", "not valid TOML", ""),
    ],
)
def test_mistakes_are_explained(tmp_path: Path, text: str, complaint: str, hint: str) -> None:
    with pytest.raises(Misuse, match=complaint) as caught:
        loaded(tmp_path, text)
    assert hint in caught.value.hint


def test_misspelt_variables_are_errors_and_others_are_not_ours(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="CONSILIENCE_API__PROT") as caught:
        loaded(tmp_path, CONSILIENCE_API__PROT="1")
    assert caught.value.hint == "did you mean `CONSILIENCE_API__PORT`?"
    assert loaded(tmp_path, CONSILIENCE_HOME="/x", CONSILIENCE_SOMETHING="y") == loaded(tmp_path)


@given(st.dictionaries(st.sampled_from(["node.name", "network.psk_file"]), st.text(min_size=1, max_size=20)))
def test_a_written_template_reads_back(settings: dict[str, object]) -> None:
    tables = tomllib.loads(template(settings))
    found = {f"{s}.{k}": v for s, table in tables.items() for k, v in table.items()}
    assert found == settings


def test_the_template_shows_every_dial_at_its_default(tmp_path: Path) -> None:
    every = template({name: default for name, (default, _) in dials().items()})
    assert loaded(tmp_path, every) == loaded(tmp_path, template({}))
    for name, (_, doc) in dials().items():
        assert f"\n# {doc}\n# {name.partition('.')[2]} = " in template({})


def test_the_state_directory_is_flag_then_variable_then_platform(tmp_path: Path) -> None:
    environ = {"CONSILIENCE_HOME": "/from/variable"}
    assert find_home("/from/flag", environ).path == Path("/from/flag")
    assert find_home(None, environ).path == Path("/from/variable")
    assert find_home(None, {}).path.name == "consilience"
    assert find_home("relative", {}).path.is_absolute()


def test_answers_of_a_newer_daemon_are_read_without_what_is_unknown(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    said = {**plain(config.api), "later": 1}
    assert read(type(config.api), said, strict=False) == config.api
    with pytest.raises(Misuse, match="unknown key `later`"):
        read(type(config.api), said)
