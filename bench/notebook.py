"""Does it pay to remember? An agent that is restarted again and again, with and without a memory. (A5)

    python bench/notebook.py [--quick] [--json] [--sessions N] [--ideas N]

The real parts of a node (store, ledger, standings, claims, researcher, worker process, notebook) on deep-mlp,
without peers and without the novelty checker. A session is one life of the agent; between two of them it keeps

- *nothing*: a session reset, as agents that live in a chat have it;
- *records*: its own signed claims and results;
- *notebook*: the notebook, and no records (a lost store, a new identity);
- *both*: what a node keeps.

Two minds are asked in turn: a scripted model that always has the same favourites in the same order (as language
models do), of which every fourth breaks the trial on this machine, and the embedded evolution. Counted are
trials spent on *known dead ends*: recipes that behave like one which an earlier session found to diverge, to
gain less than the least effect of interest, or to break; and the best effect in the end, on the author's seeds.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import structlog
import trio

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiments.harness.device import Device, open_device
from experiments.harness.outcome import Fault, TrialError
from experiments.recipe import Recipe
from experiments.search.candidates import Workshop
from experiments.search.evolution import Evolution
from experiments.search.proposer import Briefing, Proposal
from experiments.track import Track, load_track
from leaderboard.envelope import swarm_id
from leaderboard.records import Track as TrackRecord
from leaderboard.signing import Signer
from node.agent.checker import NoveltyChecker
from node.agent.memory import Memory
from node.agent.research import Researcher
from node.agent.workbench import Workbench
from node.author import Author
from node.notebook import Notebook
from node.replica import NodeReplica
from node.store import Store

SWARM = swarm_id("bench")
FAVOURITES = (
    "0.01", "1/fan_in", "0.02", "exp(depth)*0+0.05", "1/sqrt(fan_in*depth)", "0.1/depth", "1/fan_out",
    "layer*0+0.5", "1", "sqrt(1/(fan_in+fan_out))", "0.001", "1/(depth*depth)", "1/layer**0.1*0.03",
    "2/(fan_in+fan_out)", "0.05/sqrt(depth)", "abs(depth)*0.001",
)  # fmt: skip


class Favourites:
    """The same ideas in the same order, whatever happened; a recipe that is taken is not said again."""

    name = "llm/scripted"

    def __init__(self, track: Track) -> None:
        self.recipes = []
        for law in FAVOURITES:
            self.recipes.append(Recipe.from_payload({"slots": {"init_std": law}}, track))

    @property
    def breaking(self) -> set[bytes]:
        """Those that break the trial on this machine."""
        return {recipe.id for recipe in self.recipes[::4]}

    async def propose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:  # noqa: ARG002
        workshop = Workshop(briefing)
        for recipe in self.recipes:
            if recipe.id not in briefing.taken and workshop.namesake(recipe) is None:
                return Proposal(recipe, "a favourite", 0.5, self.name)
        return None


class Brittle:
    """The real device, but some recipes never give a value on it."""

    def __init__(self, device: Device, breaking: set[bytes]) -> None:
        self._device = device
        self._breaking = breaking

    async def measure(self, track, recipe, *rest, **more):
        if recipe.id in self._breaking:
            raise TrialError(Fault.TIMEOUT, "it ran past its time")
        return await self._device.measure(track, recipe, *rest, **more)


class Silent(NoveltyChecker):
    """Knows no technique."""

    async def check(self, query, trials=()):  # noqa: ARG002
        return {}


@dataclass
class Life:
    """What the sessions of one agent have found."""

    dead: set[bytes] = field(default_factory=set)
    """Marks of behaviour that an earlier session found dead."""
    trials: int = 0
    repeated: int = 0
    best: float = 0.0


async def session(track, device, folder: Path, remember: bool, key: int, ideas: int, life: Life) -> None:
    """One life of the agent."""
    favourites = Favourites(track)
    found: set[bytes] = set()
    with ExitStack() as stack:
        store = stack.enter_context(Store(folder / f"records-{key}.db", SWARM))
        notebook = stack.enter_context(Notebook(folder / "notebook.db")) if remember else None
        replica = NodeReplica(store, SWARM)
        await replica.load()
        author = Author(Signer(bytes([key]) * 32), replica)
        bench = Workbench(
            replica, author, Brittle(device, favourites.breaking), Silent(), {track.id: track}, b"c" * 32,
            random.Random(key),
        )  # fmt: skip
        if track.id not in replica.standings.tracks():
            await author.publish(TrackRecord(track.manifest))
        memory = None if notebook is None else Memory(notebook, store, author.id)
        minds = [Researcher(bench, mind, memory) for mind in (favourites, Evolution())]
        for number in range(ideas):
            plan = await minds[number % 2].prepare(track) or await minds[1].prepare(track)
            if plan is None:
                continue
            recipe = plan.proposal.recipe
            mark = Workshop(Briefing(track))._look(recipe).mark
            life.trials += 1
            life.repeated += mark in life.dead
            await minds[0].carry_out(plan)
            effect = own_effect(replica, recipe)
            if effect is None or effect < track.manifest.delta_min:
                found.add(mark)
            life.best = max(life.best, effect or 0.0)
    life.dead |= found


def own_effect(replica: NodeReplica, recipe: Recipe) -> float | None:
    claims = (replica.standings.claim(claim) for claim in replica.standings.claims_of_recipe(recipe.id))
    return next((view.evidence.author.median for view in claims if view.evidence.author is not None), None)


async def lives(name: str, sessions: int, ideas: int, first: int) -> Life:
    track, life = load_track("deep-mlp"), Life()
    with tempfile.TemporaryDirectory() as text:
        async with open_device() as device:
            for number in range(sessions):
                folder = Path(text) / (f"life-{number}" if name == "nothing" else "life")
                folder.mkdir(exist_ok=True)
                key = 1 + (number if name in ("nothing", "notebook") else 0)
                remember = name in ("notebook", "both")
                await session(track, device, folder, remember, key + first, ideas, life)
    return life


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="three sessions of six ideas")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sessions", type=int, default=5)
    parser.add_argument("--ideas", type=int, default=10, help="in each session")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))  # errors only
    sessions, ideas = (3, 6) if options.quick else (options.sessions, options.ideas)
    print(f"{'kept':<10} {'trials':>6} {'on known dead ends':>18} {'best':>6}")
    found: dict[str, Life] = {}
    for name in ("nothing", "records", "notebook", "both"):
        start = time.perf_counter()
        found[name] = life = trio.run(lives, name, sessions, ideas, 10)
        took = time.perf_counter() - start
        print(
            f"{name:<10} {life.trials:>6} {life.repeated:>18} {life.best:>6.3f}  [{took:.0f} s]", flush=True
        )
    ours, theirs = found["both"].repeated, found["nothing"].repeated
    if options.json:
        ratio = ours / theirs if theirs else 1.0
        print(json.dumps({"A5": {"value": ours, "peer": theirs, "ratio": ratio, "met": ours == 0}}))


if __name__ == "__main__":
    main()
