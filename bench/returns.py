"""How often the intervals of `consilience returns` hold on futures that the fit has not seen.

    python bench/returns.py [--json] [HOME ...]

Simulated searches of five kinds are cut at 60, 120 and 240 experiments; the 80 % interval of the effort until the
next gain is set against what came. A future in which no gain came within 20 times the history counts as held if
the interval reaches that far. HOMEs are state directories of nodes that are down: their records are real
histories, cut at every tenth claim from the twentieth on; a future that ends before the next gain is left out if
the interval goes on past its end.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from node.config import load
from node.home import Home
from node.report.returns import History, Outlook, TooLittle, history, outlook
from node.report.sources import read_books, read_export
from node.store import Store

LEAST = 0.02
CUTS = (60, 120, 240)
FUTURE = 20
HISTORIES = 80


def draws(rng: random.Random, count: int) -> list[float]:
    """Random search: independent normal effects."""
    return [rng.gauss(-0.5, 0.5) for _ in range(count)]


def bounded(rng: random.Random, count: int) -> list[float]:
    """Random search under a hard ceiling."""
    return [1.0 - rng.random() ** 0.5 - 0.1 for _ in range(count)]


def heavy(rng: random.Random, count: int) -> list[float]:
    """Random search with rare great ideas."""
    return [rng.paretovariate(2.5) - 1.6 for _ in range(count)]


def climbing(rng: random.Random, count: int) -> list[float]:
    """A search that goes on from its best, in ever smaller steps."""
    best, found = 0.0, []
    for _ in range(count):
        effect = best + rng.gauss(-0.15, 0.12) * max(0.05, 1.5 - best)
        best = max(best, effect)
        found.append(effect)
    return found


def breakthrough(rng: random.Random, count: int) -> list[float]:
    """A search whose world changes after a third of the longest history: what no model of the past knows."""
    return [rng.gauss(-0.5, 0.4) + (0.8 if number > 300 else 0.0) for number in range(count)]


KINDS: dict[str, Callable[[random.Random, int], list[float]]] = {
    "independent draws": draws, "bounded": bounded, "heavy tail": heavy,
    "hill climbing": climbing, "breakthrough": breakthrough,
}  # fmt: skip


def verdict(effects: Sequence[float], hours: Sequence[float], cut: int, least: float) -> bool | None:
    """Whether the interval held; None if there was no answer, or the future is too short to say."""
    answer = outlook(History(tuple(effects[:cut]), tuple(hours[:cut]), least))
    if isinstance(answer, TooLittle):
        return None
    assert isinstance(answer, Outlook)
    best, span = answer.best, answer.next_experiments
    wait = next((n for n, effect in enumerate(effects[cut:], 1) if effect - best >= least), None)
    low = span.low if span.low is not None else float("inf")
    high = span.high if span.high is not None else float("inf")
    if wait is None:  # censored: all that is known is that it takes longer
        seen = len(effects) - cut
        return high >= seen if seen >= FUTURE * cut or high < seen else None
    return low <= wait <= high


def tell(name: str, verdicts: Sequence[bool | None]) -> dict[str, object]:
    said = [found for found in verdicts if found is not None]
    held = sum(said)
    share = held / len(said) if said else None
    shown = "-" if share is None else f"{share:.0%}"
    print(
        f"{name:28} {shown:>5} of {len(said)} intervals held; {len(verdicts) - len(said)} without an answer"
    )
    return {"held": share, "intervals": len(said)}


def simulated(name: str, cut: int) -> list[bool | None]:
    found = []
    for number in range(HISTORIES):
        rng = random.Random(f"{name}/{number}")
        effects = KINDS[name](rng, cut * (1 + FUTURE))
        found.append(verdict(effects, [1.0] * len(effects), cut, LEAST))
    return found


def real(folder: Path) -> dict[str, object]:
    home = Home(folder)
    swarm = load(home, {}, {}).swarm_id()
    with Store(home.store, swarm, read_only=True) as store:
        content = b"".join(envelope.raw for envelope in store.in_order())
    results: dict[str, object] = {}
    for book in read_books(read_export(content, swarm)):
        past = history(book)
        cuts = range(20, len(past.effects) - 1, 10)
        verdicts = [verdict(past.effects, past.hours, cut, past.least) for cut in cuts]
        results[f"{folder.name}/{book.manifest.name}"] = tell(f"{folder.name} {book.manifest.name}", verdicts)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("homes", nargs="*", type=Path, metavar="HOME")
    options = parser.parse_args()
    results: dict[str, object] = {}
    for name in KINDS:
        for cut in CUTS[:1] if options.quick else CUTS:
            results[f"{name}/{cut}"] = tell(f"{name}, after {cut}", simulated(name, cut))
    for folder in options.homes:
        results.update(real(folder))
    if options.json:
        print(json.dumps({"returns": results}))


if __name__ == "__main__":
    main()
