"""Configuration: fills the tree of `node.sections` from a TOML file, the environment and flags.

Later sources win: defaults, `<state>/config.toml`, `CONSILIENCE_<SECTION>__<KEY>`, command-line flags. An
unknown key is an error that names the nearest known one, wherever it stands. Plain dataclasses instead of
pydantic-settings, because importing that alone costs 220 ms of CPU, more than a whole command may cost.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import Misuse
from .files import read_file
from .home import Home
from .sections import Tree
from .typed import nearest, read

if TYPE_CHECKING:
    from leaderboard.ids import SwarmId

__all__ = ["Config", "dials", "load", "spelled", "template"]

_ENVIRONMENT = "CONSILIENCE_"
_MOST_CONFIG_BYTES = 256 * 1024
_SEE = "see docs/configuration.md"


@dataclass(frozen=True, slots=True)
class Config(Tree):
    """The configuration of one node, with its state directory."""

    home: Home = field(kw_only=True)

    def track_folders(self) -> list[Path]:
        """The operator's own folders of tracks; workers import from them too."""
        return [Path(folder).expanduser().absolute() for folder in self.agent.track_folders]

    def swarm_id(self) -> SwarmId:
        """The id of this node's swarm: its name, and the work it asks for."""
        from leaderboard.envelope import swarm_id  # brings libsodium, which most commands do without

        return swarm_id(self.node.swarm, self.admission.work_bits)


def load(home: Home, environ: Mapping[str, str], flags: Mapping[str, object]) -> Config:
    """The configuration of the node in `home`; `flags` maps `section.key` to values. Raises Misuse."""
    tables = _file_tables(home.config)
    _merge(tables, _environment_values(environ))
    _merge(tables, dict(flags))
    try:
        tree = read(Tree, tables)
    except Misuse as error:
        raise Misuse(str(error), error.hint or _SEE) from None
    return Config(**{item.name: getattr(tree, item.name) for item in fields(tree)}, home=home)


def dials() -> dict[str, tuple[object, str]]:
    """Every key as `section.key`, with its default and what it does, in the order of the file."""
    return {
        f"{section.name}.{item.name}": (item.default, item.metadata["doc"])
        for section in fields(Tree)
        for item in fields(section.default_factory)  # type: ignore[arg-type]  # mypy takes a factory for a function
    }


def template(settings: Mapping[str, object]) -> str:
    """A commented configuration file: `settings` in force, every other dial shown at its default."""
    lines = ["# Configuration of a consilience node. Dials that are commented out have their defaults."]
    for section in fields(Tree):
        kind: Any = section.default_factory
        lines += ["", f"# {kind.__doc__}", f"[{section.name}]"]
        for item in fields(kind):
            key = f"{section.name}.{item.name}"
            mark = "" if key in settings else "# "
            value = spelled(settings.get(key, item.default))
            lines += [f"# {item.metadata['doc']}", f"{mark}{item.name} = {value}"]
    return "\n".join(lines) + "\n"


def _file_tables(path: Path) -> dict[str, dict[str, object]]:
    try:
        tables = tomllib.loads(read_file(path, _MOST_CONFIG_BYTES).decode())
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Misuse(f"{path} is not valid TOML: {error}", "docs/configuration.md has an example") from None
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise Misuse(f"{path}: `{name}` stands outside every section", "put it below a line like [node]")
    return tables


def _environment_values(environ: Mapping[str, str]) -> dict[str, object]:
    """`CONSILIENCE_API__PORT=0` as `{"api.port": 0}`; only names with `__` are ours to judge."""
    values: dict[str, object] = {}
    known = dials()
    for variable, text in environ.items():
        section, separator, key = variable.removeprefix(_ENVIRONMENT).lower().partition("__")
        if not variable.startswith(_ENVIRONMENT) or not separator:
            continue
        name = f"{section}.{key}"
        if name not in known:
            spelled = [f"{_ENVIRONMENT}{item.replace('.', '__').upper()}" for item in known]
            raise Misuse(f"unknown variable `{variable}`", nearest(variable, spelled))
        values[name] = _from_text(variable, text, known[name][0])
    return values


def _from_text(variable: str, text: str, default: object) -> object:
    """The value that a variable spells, in the type of the dial's default; lists are comma-separated."""
    try:
        match default:
            case bool():
                return {"true": True, "1": True, "false": False, "0": False}[text.strip().lower()]
            case int():
                return int(text)
            case float():
                return float(text)
            case tuple():
                return [item.strip() for item in text.split(",") if item.strip()]
    except (KeyError, ValueError):
        raise Misuse(f"{variable}={text!r} does not read like {default!r}", _SEE) from None
    return text


def _merge(tables: dict[str, dict[str, object]], values: Mapping[str, object]) -> None:
    for name, value in values.items():
        section, _, key = name.partition(".")
        tables.setdefault(section, {})[key] = value


def spelled(value: object) -> str:
    """A value as TOML spells it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case list() | tuple():
            return "[" + ", ".join(spelled(item) for item in value) + "]"
    # JSON's escapes are TOML's, except that TOML wants DEL escaped too.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
