"""How often does a model that knows nothing answer by the schema, behind a real llama-server? (A4)

    python bench/llm.py [--quick] [--json] [--questions N] [--only TRACK ...]

Starts llama-server (`bench/llama_server.py` builds it) with a tiny model of random weights and asks it the real
question of each installed track under the real schema. Counted is the share of answers that pass the local
check of the schema, re-asking once included as always, and the share that pass at the first try. Whether the
expressions in them mean anything is not asked: by random weights they do not.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import trio

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from experiments.llm import Client, Settings, Wire
from experiments.search.answers import answer_schema
from experiments.search.llm import LanguageModel
from experiments.search.proposer import Briefing
from experiments.track import Track, installed_tracks, load_track
from leaderboard.errors import ConsilienceError


def load(name: str, path: Path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def wait_until_up(url: str) -> None:
    with trio.fail_after(120):
        while True:
            try:
                await Wire(url).get("/health", at_root=True)
                return
            except ConsilienceError:
                await trio.sleep(0.1)


async def ask(url: str, track: Track, questions: int) -> dict[str, float]:
    """Questions, valid answers, valid ones at the first try, seconds."""
    briefing = Briefing(track, slots=everything(track))
    client = Client(Wire(url), Settings("tiny", max_tokens=3000, temperature=1.0))
    await client.probe()
    model, schema = LanguageModel(client), answer_schema(briefing)
    valid = first = 0
    start = time.perf_counter()
    for number in range(questions):
        try:
            _, answer = await client.ask(
                model.messages(briefing, random.Random(number)), schema, lambda value: value
            )
        except ConsilienceError as error:
            print(f"  {track.name}: {error}")
            continue
        valid += 1
        first += answer.requests == 1
    return {"asked": questions, "valid": valid, "first": first, "seconds": time.perf_counter() - start}


def everything(track: Track) -> tuple[str, ...]:
    """All slots and settings, those that are not searched by default too: the hardest schema of the track."""
    return tuple(item.name for item in (*track.space.slots, *track.space.settings))


async def run(binary: Path, questions: int, names: list[str]) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        weights = Path(folder) / "tiny.gguf"
        load("tiny_model", ROOT / "tests/experiments/llm/tiny_model.py").write_model(weights)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        command = [binary, "-m", weights, "--host", "127.0.0.1", "--port", str(port)]
        server = await trio.lowlevel.open_process(
            [*command, "-c", "8192", "-np", "1", "-t", "1", "--no-warmup"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}/v1"
            await wait_until_up(url)
            tracks = [load_track(name) for name in names]
            return {track.name: await ask(url, track, questions) for track in tracks}
        finally:
            server.kill()
            await server.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="20 questions a track")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--questions", type=int, default=200, help="for each track")
    parser.add_argument("--only", nargs="+", default=sorted(installed_tracks()), metavar="TRACK")
    options = parser.parse_args()
    binary = load("llama_server", ROOT / "bench" / "llama_server.py").find()
    if binary is None:
        raise SystemExit("no llama-server here; build it: python bench/llama_server.py")
    found = trio.run(run, Path(binary), 20 if options.quick else options.questions, options.only)
    print(f"{'track':<12} {'asked':>6} {'valid':>6} {'at once':>8} {'s a question':>13}")
    for name, row in found.items():
        print(
            f"{name:<12} {row['asked']:>6} {row['valid']:>6} {row['first']:>8} {row['seconds'] / row['asked']:>13.2f}"
        )
    share = sum(row["valid"] for row in found.values()) / sum(row["asked"] for row in found.values())
    if options.json:
        print(json.dumps({"A4": {"value": share, "peer": 0.99, "ratio": share / 0.99, "met": share >= 0.99}}))


if __name__ == "__main__":
    main()
