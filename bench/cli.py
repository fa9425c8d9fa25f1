"""What a command costs (goal U2: less than 150 ms of CPU for any command that does not compute here).

    python bench/cli.py [--quick] [--json]

Every command and subcommand runs as a process of its own, against a real daemon that has worked on the toy track
of the tests for a while and is paused then; CPU is user and system time of that process and the children it
waited for, the median of the runs. The floor is a bare `python -P -c pass`. The list of commands is read from
the command line itself: one that is missing below is an error of the bench.

`novelty`, `verify` and `try` compute and are left out, as the goal says. `report`, `returns` (every signature checked
again, the board folded from the records) and `doctor` (every byte of the blobs, every record) compute too, and longer
the more there is; they are measured and shown apart. `llm test` and `llm use` count like all others.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the packages, not the benches of their names

from scripted_model import serve_model

from leaderboard.ids import to_text
from node.cli.group import cli
from node.config import template
from node.home import Home
from node.identity import create

LIMIT_MS = 150.0
WORK_S = 25.0
QUICK_WORK_S = 10.0
UNTRIED = {"novelty", "verify", "try", "up", "track data get"}
"""They compute, are the daemon, or need a network."""
COMPUTE = {"report", "report --format html", "returns", "doctor"}
Call = Callable[["Place"], list[str]]


class Place:
    """A home with a daemon, and what the commands are asked about."""

    def __init__(self, path: Path, url: str) -> None:
        self.path = path
        self.url = url
        self.environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("CONSILIENCE_")},
            "CONSILIENCE_HOME": str(path / "home"),
            "CONSILIENCE_DATA": str(path / "data"),
        }
        self.home = Home(path / "home")
        self.claim = self.author = ""
        self.number = 0

    def fresh(self, name: str) -> str:
        """A path that is not there yet."""
        self.number += 1
        return str(self.path / f"{name}{self.number}")

    def command(self, words: list[str]) -> list[str]:
        return [sys.executable, "-P", "-m", "node.cli", *words]

    def says(self, *words: str) -> str:
        done = subprocess.run(self.command(list(words)), env=self.environ, capture_output=True, check=True)
        return done.stdout.decode()

    def settle(self, work_s: float) -> None:
        """A node that has worked for a while."""
        self.home.path.mkdir(mode=0o700)
        author = create(self.home.identity).author
        self.author = to_text(author)
        tree = {
            "node.listen": ["/ip4/127.0.0.1/tcp/0"],
            "api.port": 0,
            "network.mdns": False,
            "agent.tracks": ["toy"],
            "agent.track_folders": [str(ROOT / "tests" / "node" / "toytrack")],
        }
        self.home.config.write_text(template(tree))
        self.says("up", "--detach")
        time.sleep(work_s)
        self.says("agent", "pause")
        rows = json.loads(self.says("board", "toy", "--json"))[0]["rows"]
        self.claim = rows[0]["claim"]
        (self.path / "text").write_text("a text of its own\n" * 100_000)
        (self.path / "notes").write_text(self.says("notebook", "export"))

    def end(self) -> None:
        if self.home.api.exists():
            subprocess.run(self.command(["down"]), env=self.environ, check=False)


TRIED: dict[str, Call] = {
    "init": lambda at: ["--home", at.fresh("new"), "init"],
    "status": lambda _: ["status"],
    "logs": lambda _: ["logs"],
    "id": lambda _: ["id"],
    "peers": lambda _: ["peers"],
    "peers refuse": lambda at: ["peers", "refuse", "a" * 52] if at.author else [],
    "peers refused": lambda _: ["peers", "refused"],
    "peers allow": lambda _: ["peers", "allow", "a" * 52],
    "board": lambda _: ["board", "toy", "--limit", "50"],
    "show": lambda at: ["show", at.claim[:12]],
    "export": lambda at: ["export", "-o", at.fresh("export")],
    "claim": lambda at: ["claim", "toy", "--set", f"x=0.{at.fresh('')[-1]}{time.time_ns() % 10**6}"],
    "track ls": lambda _: ["track", "ls"],
    "track show": lambda _: ["track", "show", "toy"],
    "track data ls": lambda _: ["track", "data", "ls"],
    "track data add": lambda at: ["track", "data", "add", f"text-{at.fresh('')[-1]}", str(at.path / "text")],
    "track data rm": lambda at: ["track", "data", "rm", kept(at)],
    "agent resume": lambda _: ["agent", "resume"],
    "agent pause": lambda _: ["agent", "pause"],
    "agent proposers": lambda _: ["agent", "proposers"],
    "llm ls": lambda at: ["llm", "ls", "--port", at.url.split(":")[2].partition("/")[0]],
    "llm test": lambda at: ["llm", "test", at.url, "scripted"],
    "llm use": lambda at: ["llm", "use", at.url, "scripted"],
    "llm use --untested": lambda at: ["llm", "use", at.url, "scripted", "--untested"],
    "notebook ls": lambda _: ["notebook", "ls"],
    "notebook search": lambda _: ["notebook", "search", "measured"],
    "notebook export": lambda at: ["notebook", "export", "-o", at.fresh("notes")],
    "notebook import": lambda at: ["notebook", "import", str(at.path / "notes")],
    "report": lambda at: ["report", "toy", "-o", at.fresh("report")],
    "report --format html": lambda at: ["report", "toy", "--format", "html", "-o", at.fresh("report")],
    "returns": lambda _: ["returns", "toy"],
    "doctor": lambda _: ["doctor"],
    "completion": lambda _: ["completion", "bash"],
    "--help": lambda _: ["--help"],
    "down": lambda _: ["down"],
}


def kept(at: Place) -> str:
    """The name of a text to remove, kept just now (which is not measured)."""
    at.says("track", "data", "add", "passing", str(at.path / "text"))
    return "passing"


def leaves(group: click.Group, above: str = "") -> Iterator[str]:
    """The commands, subcommands by their whole name; a group that does something by itself too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield above + name
        if isinstance(command, click.Group):
            yield from leaves(command, f"{above}{name} ")


def cpu_ms(at: Place, call: Call, runs: int) -> float:
    found = []
    for _ in range(runs):
        words = call(at)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            at.command(words), env=at.environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode not in (0, 7):
            raise SystemExit(f"{' '.join(words)} failed: {done.stderr.decode()}")
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return 1e3 * statistics.median(found)


def floor_ms(runs: int) -> float:
    found = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-P", "-c", "pass"], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return 1e3 * statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", help="commands whose name begins so")
    options = parser.parse_args()
    missing = set(leaves(cli)) - set(TRIED) - UNTRIED
    if missing:
        raise SystemExit(f"the bench does not try {sorted(missing)}")
    runs = 1 if options.quick else 7
    place = Path(tempfile.mkdtemp(prefix="consilience-cli-"))
    at = Place(place, serve_model())
    results = {}
    try:
        at.settle(QUICK_WORK_S if options.quick else WORK_S)
        floor = floor_ms(runs)
        print(f"{'python alone':22} {floor:6.0f} ms of CPU")
        for name, call in TRIED.items():
            if not options.only or name.startswith(options.only):
                results[name] = cpu_ms(at, call, 1 if name == "down" else runs)
                print(f"{name:22} {results[name]:6.0f} ms of CPU", flush=True)
    finally:
        at.end()
        shutil.rmtree(place)
    counted = {name: cost for name, cost in results.items() if name not in COMPUTE}
    worst = max(counted, key=lambda name: counted[name])
    over = [f"{name} {cost:.0f}" for name, cost in counted.items() if cost >= LIMIT_MS]
    print(f"U2: the costliest is `{worst}` with {counted[worst]:.0f} ms; the limit is {LIMIT_MS:.0f} ms")
    print(f"over it: {', '.join(over) or 'none'}; of {len(counted)} commands")
    if options.json:
        value = counted[worst]
        said = {"value": value, "peer": floor, "ratio": value / floor, "met": value < LIMIT_MS, "over": over}
        print(json.dumps({"U2": said}))


if __name__ == "__main__":
    main()
