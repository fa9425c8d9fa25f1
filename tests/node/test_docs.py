"""The documentation names every command, option, dial, endpoint, metric and exit code, as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from node import config, errors
from node.api.app import create_app
from node.api.metrics import Traffic
from node.cli.group import COMMANDS, cli
from node.home import Home

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield from within(name, command)


def within(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """A command, or those of a group, of groups in it too."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    for inner, item in command.commands.items():
        yield from within(f"{name} {inner}", item)


def test_every_command_and_option_is_described() -> None:
    text = (DOCS / "cli.md").read_text()
    for name, command in commands():
        assert f"**`{name}`**" in text, name
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.name != "help":
                assert parameter.help or parameter.name == "form", (name, parameter.name)
                for word in parameter.opts:
                    assert re.search(rf"`{re.escape(word)}[ `/]|/`{re.escape(word)}`", text), (name, word)


def test_every_exit_code_is_described() -> None:
    text = (DOCS / "cli.md").read_text()
    kinds = [item for item in vars(errors).values() if isinstance(item, type)]
    codes = {item.code for item in kinds if issubclass(item, errors.HintedError)}
    for code in codes | {errors.EXIT_OK, errors.EXIT_CHECK_FAILED, errors.EXIT_INTERRUPTED}:
        assert f"\n| {code} | " in text, code


def test_every_dial_is_described_with_its_default() -> None:
    text = (DOCS / "configuration.md").read_text()
    shown = re.findall(r"^\| `(\w+\.\w+)` \| `(.*)` \| (.*) \|$", text, re.MULTILINE)
    template = config.template({})
    assert [key for key, _, _ in shown] == list(config.dials())
    for key, default, doc in shown:
        assert doc == config.dials()[key][1]
        assert f"\n# {key.partition('.')[2]} = {default}\n" in template


def test_every_endpoint_is_described() -> None:
    text = (DOCS / "api.md").read_text()
    paths = create_app(None, Traffic(), "0").openapi()["paths"]  # type: ignore[arg-type] - describes only
    for path, methods in paths.items():
        for method in methods:
            assert f"`{method.upper()} {path}" in text, path
    assert "`GET /metrics`" in text


def test_every_metric_is_described() -> None:
    text = (DOCS / "api.md").read_text()
    source = (ROOT / "node" / "metrics.py").read_text()
    daemons = re.findall(r'_(?:one|by)\("(\w+)", "(\w+)"', source)
    assert len(daemons) > 10
    own = [(metric.name.removeprefix("consilience_"), metric.kind) for metric in Traffic().metrics()]
    for name, kind in daemons + own:
        assert f"| `consilience_{name}` | {kind} | " in text, name
    documented = set(re.findall(r"`consilience_(\w+)` \|", text))
    assert documented == {name for name, _ in daemons + own}


def test_statuses_of_our_errors_are_described() -> None:
    text = (DOCS / "api.md").read_text()
    table = text[text.index("## Errors") : text.index("## Events")]
    for kind in (errors.NotFound, errors.Ambiguous, errors.Misuse, errors.AuthFailed, errors.StoreBroken):
        assert re.search(rf"^\| [^|]*\b{kind.status}\b", table, re.MULTILINE), kind


def test_every_file_of_a_state_directory_is_described() -> None:
    text = (DOCS / "configuration.md").read_text()
    places = [name for name, item in vars(Home).items() if isinstance(item, property)]
    assert len(places) > 8
    home = Home(Path("/home"))
    for name in places:
        place = getattr(home, name).relative_to(home.path)
        assert re.search(rf"^\| `{place}[/`]", text, re.MULTILINE), name


def test_the_index_names_every_page_and_no_link_is_broken() -> None:
    pages = [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "bench" / "RESULTS.md"]
    linked = {page: set(_links(page)) for page in pages}
    for page, targets in linked.items():
        for target in targets:
            assert target.exists(), f"{page.relative_to(ROOT)} links to {target}"
    assert set(DOCS.rglob("*.md")) - {DOCS / "README.md"} <= linked[DOCS / "README.md"]


def _links(page: Path) -> Iterator[Path]:
    """Files that a page links to."""
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text()):
        yield (page.parent / target).resolve()


def test_every_room_is_on_the_map() -> None:
    text = (DOCS / "architecture.md").read_text()
    for package in ("leaderboard", "gossip", "experiments", "node"):
        for room in (ROOT / package).iterdir():
            if (room / "__init__.py").exists():
                assert f"`{package}/{room.name}/`" in text or f", `{room.name}/`" in text, room
