"""`doctor`: what could be wrong with this node's files, and what to do about it."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass

import click

from leaderboard.errors import ConsilienceError

from .. import identity
from ..api.listening import listen
from ..config import Config, load
from ..errors import EXIT_CHECK_FAILED, EXIT_OK, DaemonDown, Misuse, hint_of
from ..home import Home
from ..text import visible
from .client import connect
from .group import Session, shared
from .output import note, print_json, say

__all__ = ["doctor_command"]

_LITTLE_SPACE_BYTES = 1 << 30
_RESEARCH = ("cmaes", "optuna", "sklearn", "torch")
"""Modules of the extra `research`."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    state: str
    """`good`, `bad`, or `unknown` where it cannot be looked at now."""
    says: str
    remedy: str = ""


@click.command("doctor")
@click.option("--repair", is_flag=True, help="Rebuild a damaged database from what verifies. Daemon down.")
@shared
def doctor_command(session: Session, *, repair: bool) -> int:
    """Check identity, configuration, disk, sandbox, blobs, port and database; exit code 7 if one is bad."""
    config = load(session.home, os.environ, {})
    if repair:
        _repair(config)
    checks = list(_checks(config))
    if session.as_json:
        print_json(checks)
    else:
        for check in checks:
            colour = {"good": "green", "bad": "red"}.get(check.state, "yellow")
            say(f"{click.style(f'{check.state:8}', fg=colour)} {check.name:10} {visible(check.says)}")
            if check.remedy:
                say(f"{'':20}{visible(check.remedy)}")
    return EXIT_CHECK_FAILED if any(check.state == "bad" for check in checks) else EXIT_OK


def _checks(config: Config) -> Iterator[Check]:
    home = config.home
    yield Check("config", "good", f"{home.config if home.config.exists() else 'defaults'}")
    yield _identity(home)
    running = _running(home)
    yield Check("daemon", "good", "running" if running else "not running")
    yield _space(home)
    yield _research()
    yield _sandbox()
    yield _blobs(home)
    if running:
        yield Check("database", "unknown", "in use", "stop the daemon to have every record checked")
    else:
        yield _port(config)
        yield _database(config)
        yield _boards(config)


def _identity(home: Home) -> Check:
    try:
        me = identity.load(home.identity)
    except ConsilienceError as error:
        return Check("identity", "bad", str(error), hint_of(error))
    return Check("identity", "good", me.peer_id)


def _running(home: Home) -> bool:
    try:
        return bool(connect(home).get(dict[str, object], "/v1/identity"))
    except DaemonDown:
        return False


def _space(home: Home) -> Check:
    place = home.path if home.path.exists() else home.path.parent
    while not place.exists():
        place = place.parent
    found = os.statvfs(place)
    free = found.f_bavail * found.f_frsize
    says = f"{free / 1e9:.1f} GB free at {place}"
    if free < _LITTLE_SPACE_BYTES:
        return Check("disk", "bad", says, "a million records take about 1 GB; free some space")
    return Check("disk", "good", says)


def _research() -> Check:
    """Whether the packages are here that trials of the built-in tracks and their searches import."""
    missing = [name for name in _RESEARCH if importlib.util.find_spec(name) is None]
    if missing:
        says = f"not installed: {', '.join(missing)}"
        return Check("research", "unknown", says, "an observer needs none; a researcher: `make install`")
    return Check("research", "good", "the packages that trials need are installed")


def _sandbox() -> Check:
    """Which confinement programs would get; looked for by really starting one, so it takes a moment."""
    from experiments.sandbox.report import probe

    report = probe()
    if report.level is None:
        return Check("sandbox", "unknown", "no confinement works: programs are refused", report.advice)
    return Check("sandbox", "good", f"{report.level} (only programs need it; recipes do not)", report.advice)


def _blobs(home: Home) -> Check:
    from ..blobs_check import check_blobs

    found = check_blobs(home.blobs)
    if found.damaged:
        names = ", ".join(str(path) for path in found.damaged[:3])
        return Check(
            "blobs",
            "bad",
            f"{len(found.damaged)} of {found.blobs} damaged: {names}",
            "delete them; what peers have is fetched again when it is needed",
        )
    return Check("blobs", "good", f"{found.blobs}, {found.bytes / 1e6:.1f} MB, every byte checked")


def _port(config: Config) -> Check:
    try:
        listen(config.api.host, config.api.port).close()
    except Misuse as error:
        return Check("api port", "bad", str(error), error.hint)
    return Check("api port", "good", f"{config.api.host} port {config.api.port} is free")


def _database(config: Config) -> Check:
    from ..store_check import diagnose

    if not config.home.store.exists():
        return Check("database", "good", "none yet")
    found = diagnose(config.home.store, config.swarm_id())
    if found.complaints:
        return Check(
            "database", "bad", "; ".join(found.complaints)[:500], "run `consilience doctor --repair`"
        )
    return Check("database", "good", f"{found.records} records, every signature checked")


def _boards(config: Config) -> Check:
    from ..store_views import inspect

    path = config.home.boards
    if not path.exists():
        return Check("boards", "good", "none yet: folded from the records at the next start")
    wrong = inspect(path)
    if wrong:
        return Check("boards", "bad", wrong, "`consilience doctor --repair` has them folded again")
    return Check("boards", "good", f"{path.stat().st_size / 1e6:.1f} MB, every checksum holds")


def _repair(config: Config) -> None:
    from ..store_check import diagnose, repair
    from ..store_views import inspect

    if _running(config.home):
        raise Misuse("the daemon uses the database", "stop it first: `consilience down`")
    if config.home.boards.exists() and inspect(config.home.boards):
        config.home.boards.unlink()
        note("boards.db was damaged and is deleted: the next start folds it again from the records")
    if config.home.store.exists() and not diagnose(config.home.store, config.swarm_id()).complaints:
        note("the database is sound and stays as it is")
        return
    done = repair(config.home.store, config.swarm_id())
    note(f"saved {done.saved} records, {done.salvaged} of them from pages that the database had lost")
    if done.lost:
        note(f"at least {done.lost} are missing; they come back from peers")
    note(f"the old file is {done.old}")
