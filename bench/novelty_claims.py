"""How well claims are recognised (goals V1 to V3 and V5) on the development set in `bench/novelty_dev`.

    OPENBLAS_NUM_THREADS=1 python bench/novelty_claims.py [--quick] [--json]

Three checkers: the text channel alone, with and without its encoder, which sees the claim; and the whole
checker, which also sees the code.

How far each part of the set may be believed. *fitted*: the coefficients were fitted on it. *held out* and
*late*: not fitted on, but their misses were read while paraphrases, features and the rules for code were
written, so they flatter. *code only*: lay open to the author of the rules for code; a regression test and
no measurement. *blind*: written when the text channel was finished, and nothing was changed since; the only
part that measures it, and only until somebody reads its misses. One author wrote claims and paraphrases, so
strangers' claims will be harder than all of these.

Precision and recall are of *named* flags: a flag is right if it names the technique or its equivalence
class. The goals are read off the text channel on the blind part.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from experiments.novelty.answer import answer
from experiments.novelty.artefact import Query
from experiments.novelty.build import build_checker
from experiments.novelty.catalogue import Catalogue, load_catalogue
from experiments.novelty.text.fit import in_fit_half
from experiments.novelty.text.matcher import TextMatcher
from experiments.novelty.text.minilm import find_encoder

FOLDER = Path(__file__).parent / "novelty_dev"
BINS = 10


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    claim: str
    code: str
    technique: str | None
    category: str
    code_only: bool

    @property
    def part(self) -> str:
        if self.code_only:
            return "code only"
        if self.id.startswith("stranger-"):
            return "stranger's, read" if self.id.startswith("stranger-seen-") else "stranger's, unread"
        if self.id.startswith("late-"):
            return "blind" if self.id.startswith("late-blind-") else "late"
        return "fitted" if in_fit_half(self.id) else "held out"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a checker said of an item: its first name, whether it flagged, its score, and the time it took."""

    item: Item
    first: str
    flagged: bool
    chance: float
    right: bool
    milliseconds: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="every fourth item")
    parser.add_argument("--json", action="store_true", help="end with one object keyed by goal")
    options = parser.parse_args()
    items = read_items()[:: 4 if options.quick else 1]
    catalogue = load_catalogue()
    text = look(items, catalogue, text_checker(catalogue))
    words = look(items, catalogue, text_checker(catalogue, encoder=False))
    whole = look(items, catalogue, whole_checker())
    for name, seen in (
        ("text channel", text),
        ("text channel without encoder", words),
        ("whole checker", whole),
    ):
        show(name, seen)
    show_categories(whole)
    if options.json:
        print(json.dumps(goals(text)))


def read_items() -> list[Item]:
    rows = [
        json.loads(line) for file in sorted(FOLDER.glob("*.jsonl")) for line in file.read_text().splitlines()
    ]
    return [
        Item(
            row["id"], row["claim"], row.get("code_or_diff", ""), row["technique"], row["category"],
            row.get("code_only", False),
        )
        for row in rows
    ]  # fmt: skip


Check = Callable[[Item], tuple[str, bool, float]]


def text_checker(catalogue: Catalogue, *, encoder: bool = True) -> Check:
    matcher = TextMatcher(catalogue, find_encoder() if encoder else None)

    def check(item: Item) -> tuple[str, bool, float]:
        first = matcher.match(item.claim, 5)[0]
        return first.technique, first.probability >= matcher.threshold, first.probability

    return check


def whole_checker() -> Check:
    checker = build_checker()

    def check(item: Item) -> tuple[str, bool, float]:
        verdict = checker.check(Query(claim=item.claim, code=item.code))
        first = verdict.technique.id if verdict.technique else next((c.technique for c in verdict.top), "")
        return first, answer(item.id, verdict)["verdict"] != "unmatched", verdict.score

    return check


def look(items: Iterable[Item], catalogue: Catalogue, check: Check) -> list[Seen]:
    found = []
    for item in items:
        start = time.process_time()
        first, flagged, chance = check(item)
        spent = (time.process_time() - start) * 1e3
        found.append(Seen(item, first, flagged, chance, is_right(item, first, catalogue), spent))
    return found


def is_right(item: Item, technique: str, catalogue: Catalogue) -> bool:
    if item.technique is None or technique not in catalogue.by_id:
        return False
    same = {item.technique, *(other.id for other in catalogue.equivalents(item.technique))}
    return technique in same


def figures(seen: list[Seen]) -> dict[str, float]:
    known = [one for one in seen if one.item.technique is not None]
    odd = [one for one in seen if one.item.technique is None]
    flags = [one for one in seen if one.flagged]
    named = sum(one.right for one in flags)
    return {
        "known": len(known),
        "odd": len(odd),
        "top1": share(sum(one.right for one in known), len(known)),
        "precision": share(named, len(flags)),
        "recall": share(named, len(known)),
        "f1": share(2 * named, len(flags) + len(known)),
        "false flags": share(sum(one.flagged for one in odd), len(odd)),
        "calibration error": calibration_error(seen),
    }


def share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def calibration_error(seen: list[Seen]) -> float:
    """Expected calibration error over ten bins (Naeini et al. 2015): score against being right."""
    bins: dict[int, list[Seen]] = defaultdict(list)
    for one in seen:
        bins[min(int(one.chance * BINS), BINS - 1)].append(one)
    gaps = (abs(sum(one.chance - one.right for one in group)) for group in bins.values())
    return sum(gaps) / max(len(seen), 1)


def groups(seen: list[Seen]) -> dict[str, list[Seen]]:
    parts: dict[str, list[Seen]] = {"fitted": [], "held out": [], "late": [], "blind": [], "code only": []}
    for one in seen:
        parts[one.item.part].append(one)
    return parts


def show(name: str, seen: list[Seen]) -> None:
    times = sorted(one.milliseconds for one in seen)
    print(
        f"\n{name}: CPU median {times[len(times) // 2]:.0f} ms, 95 % {times[int(len(times) * 0.95)]:.0f} ms"
    )
    columns = ("known", "odd", "top1", "precision", "recall", "f1", "false flags", "calibration error")
    print("| part | " + " | ".join(columns) + " |\n|---" + "|---" * len(columns) + "|")
    for part, group in groups(seen).items():
        row = figures(group)
        cells = (f"{row[c]:.0f}" if c in ("known", "odd") else f"{row[c]:.3f}" for c in columns)
        print(f"| {part} | " + " | ".join(cells) + " |")


def show_categories(seen: list[Seen]) -> None:
    by_category: dict[str, list[Seen]] = defaultdict(list)
    for one in seen:
        if one.item.part not in ("fitted", "code only"):
            by_category[one.item.category].append(one)
    print("\nwhole checker by category (unfitted claims)\n| category | known | odd | top1 | recall | false |")
    print("|---|---|---|---|---|---|")
    for category, group in sorted(by_category.items()):
        row = figures(group)
        print(
            f"| {category} | {row['known']:.0f} | {row['odd']:.0f} | {row['top1']:.2f} | "
            f"{row['recall']:.2f} | {row['false flags']:.2f} |"
        )


def goals(text: list[Seen]) -> dict[str, dict[str, object]]:
    """The text channel on the blind part; `n` says how few items these shares stand on."""
    blind = groups(text)["blind"]
    row, times = figures(blind), sorted(one.milliseconds for one in text)
    median = times[len(times) // 2]
    sizes = {"n": row["known"], "n_odd": row["odd"]}
    met = row["precision"] >= 0.90 and row["recall"] >= 0.70
    return {
        "V1": {"value": round(row["top1"], 3), "met": row["top1"] >= 0.75, **sizes},
        "V2": {"value": [round(row["precision"], 3), round(row["recall"], 3)], "met": met, **sizes},
        "V3": {"value": round(row["false flags"], 3), "met": row["false flags"] <= 0.05, **sizes},
        "V5": {"value": round(median, 1), "met": median <= 50.0},
    }


if __name__ == "__main__":
    main()
