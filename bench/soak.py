"""Does a node grow while it works? A long run, compressed: a track whose trials take milliseconds.

    python bench/soak.py [--quick] [--json] [--minutes 30] [--track-folder DIR]

Two daemons as `consilience up` runs them work on the toy track of the tests: one with a scripted language model
(which now and then is busy, breaks off, talks nonsense or answers nothing) beside the embedded search, one that
mostly replicates. Every few seconds the bench reads from /proc what each daemon and its children hold (memory,
open files, threads) and how large their files are, and asks for status and board as a person would.

What is shown is growth per 1,000 trials in each third of the run. Caches are bounded and fill up at first (the
boards' pages, 512 views, 4,096 rows a table); records, and what follows from them, are kept on purpose, so files grow
and memory grows with what is known; open files, threads and processes must not. A node whose trials take a minute
makes 1,000 in most of a day.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trio

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the packages, not the benches of their names

from scripted_model import serve_model

from node.demo.nodes import DemoNode, NotAnswering

TOYS = ROOT / "tests" / "node" / "toytrack"
EVERY_S = 5.0
FULL_MIN, QUICK_MIN = 30.0, 0.7
PAGE = os.sysconf("SC_PAGE_SIZE")
FILES = {"records": "records.db*", "boards": "boards.db*", "notebook": "notebook.db*", "logs": "logs/*"}


@dataclass(frozen=True)
class Sample:
    """What one node holds at a moment."""

    seconds: float
    done: int
    """Own claims measured, and replications."""
    records: int
    daemon_mb: float
    children_mb: float
    files: int
    threads: int
    processes: int
    cpu_s: float
    """Of the daemon itself."""
    disk_mb: dict[str, float]


def descendants(root: int) -> list[int]:
    """The process and everything that it started."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = Path(f"/proc/{name}/stat").read_text()
            except OSError:
                continue
            parents[int(name)] = int(stat[stat.rindex(")") + 2 :].split()[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def held(pid: int) -> tuple[float, int, int, float]:
    """(MB of memory of its own, open files, threads, CPU seconds) of a process; zeros if it is gone."""
    place = Path(f"/proc/{pid}")
    try:
        resident, shared = map(int, (place / "statm").read_text().split()[1:3])
        memory = (resident - shared) * PAGE / 1e6  # mapped files and the log's index come and go
        fields = (place / "stat").read_text().rpartition(")")[2].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return memory, len(os.listdir(place / "fd")), int(fields[17]), cpu
    except OSError:
        return 0.0, 0, 0, 0.0


async def look(node: DemoNode, started: float) -> Sample:
    """A sample of one node."""
    status = await node.ask("/v1/status")
    await node.ask("/v1/boards", track="toy", limit=50)
    assert node.process is not None
    pids = descendants(node.process.pid)
    daemon, *children = (held(pid) for pid in pids)
    sizes = {
        name: sum(path.stat().st_size for path in node.home.path.glob(pattern)) / 1e6
        for name, pattern in FILES.items()
    }
    return Sample(
        seconds=time.monotonic() - started,
        done=status["agent"]["trials"] + status["agent"]["replications"],
        records=status["records"],
        daemon_mb=daemon[0],
        children_mb=sum(child[0] for child in children),
        files=daemon[1],
        threads=daemon[2],
        processes=len(pids),
        cpu_s=daemon[3],
        disk_mb=sizes,
    )


def settings(name: str, url: str, bootstrap: str, folder: Path) -> dict[str, object]:
    """The configuration of a node of the run."""
    found: dict[str, object] = {
        "node.swarm": "soak",
        "node.listen": ["/ip4/127.0.0.1/tcp/0"],
        "node.bootstrap": [bootstrap] if bootstrap else [],
        "api.port": 0,
        "network.mdns": False,
        "agent.tracks": ["toy"],
        "agent.track_folders": [str(folder)],
        "agent.devices": ["cpu"],
        "agent.replicate_share": 0.2 if name == "thinks" else 0.8,
    }
    if name == "thinks":
        found |= {"llm.endpoint": url, "llm.model": "scripted"}
        found |= {"llm.requests_per_day": 0, "llm.tokens_per_day": 0, "llm.deadline_s": 20.0}
    return found


async def soak(place: Path, url: str, minutes: float, folder: Path, keep: Path | None) -> list[list[Sample]]:
    """The samples of each node."""
    nodes = [DemoNode.at(place / name) for name in ("thinks", "checks")]
    found: list[list[Sample]] = [[] for _ in nodes]
    started, address = time.monotonic(), ""
    try:
        for node in nodes:
            node.settle(settings(node.name, url, address, folder))
            node.start()
            await node.ready()
            address = (await node.ask("/v1/status"))["listen"][0]
        while time.monotonic() - started < 60 * minutes:
            await trio.sleep(EVERY_S)
            for node, samples in zip(nodes, found, strict=True):
                try:
                    samples.append(await look(node, started))
                except NotAnswering as error:
                    print(error, file=sys.stderr)
                if keep is not None and samples:
                    with keep.open("a") as file:
                        file.write(json.dumps({"node": node.name, **samples[-1].__dict__}) + "\n")
        print(json.dumps((await nodes[0].ask("/v1/status"))["agent"]["model"], indent=1), file=sys.stderr)
    finally:
        for node in nodes:
            await node.stop()
    return found


def growth(samples: Sequence[Sample], of: str) -> float:
    """Least-squares growth per 1,000 trials."""
    x = np.array([sample.done for sample in samples], float)
    y = np.array([getattr(sample, of) for sample in samples], float)
    return 1000 * float(np.polyfit(x, y, 1)[0]) if np.ptp(x) else 0.0


def report(name: str, samples: Sequence[Sample]) -> dict[str, float]:
    """Print what a node held and how that grew; returns the growth in the last third."""
    last, size = samples[-1], max(2, len(samples) // 3)
    thirds = samples[:size], samples[size : 2 * size], samples[-size:]
    print(
        f"\n{name}: {last.done} trials and replications, {last.records} records, {last.seconds / 60:.0f} min"
    )
    print(f"{'':14}{'a third':>10}{'the end':>10}   growth per 1,000 in each third")
    for of in ("daemon_mb", "children_mb", "files", "threads", "processes"):
        grown = "".join(f"{growth(third, of):10.2f}" for third in thirds)
        print(f"{of:14}{getattr(samples[size], of):10.1f}{getattr(last, of):10.1f}{grown}")
    for part, held in last.disk_mb.items():
        print(f"{part + ' MB':14}{samples[size].disk_mb[part]:10.1f}{held:10.1f}")
    for third in thirds:
        done = third[-1].done - third[0].done
        cpu = 1000 * (third[-1].cpu_s - third[0].cpu_s) / max(1, done)
        print(f"{done:6} trials at {cpu:.0f} s of the daemon's CPU per 1,000")
    return {
        of: growth(thirds[-1], of) for of in ("daemon_mb", "children_mb", "files", "threads", "processes")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--track-folder", type=Path, default=TOYS)
    parser.add_argument("--keep", type=Path, help="file to which every sample is appended")
    options = parser.parse_args()
    minutes = options.minutes or (QUICK_MIN if options.quick else FULL_MIN)
    url = serve_model(faults=0.125)
    with tempfile.TemporaryDirectory(prefix="consilience-soak-") as place:
        found = trio.run(soak, Path(place), url, minutes, options.track_folder, options.keep)
    grown = [report(name, samples) for name, samples in zip(("thinks", "checks"), found, strict=True)]
    if options.json:
        worst = {of: max(item[of] for item in grown) for of in grown[0]}
        print(json.dumps({"soak": {"value": worst["daemon_mb"], "unit": "MB per 1,000 trials", **worst}}))


if __name__ == "__main__":
    main()
