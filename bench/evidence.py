"""Evidence: coverage, false discoveries, winner's curse, liars, and the cost of reading a board.

`python bench/evidence.py [--quick] [--json] [--only coverage,fdr,...]`. Everything is simulated from fixed
seeds with the code of leaderboard.evidence, so every figure but the timings is reproducible.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from leaderboard.evidence.confseq import lower_bound, median_interval
from leaderboard.evidence.drill import Drill, Outcome, Setup
from leaderboard.evidence.effects import Count
from leaderboard.evidence.electorate import Weight
from leaderboard.evidence.eprocess import e_value, strength
from leaderboard.evidence.fdr import bar_level, doublings
from leaderboard.evidence.policy import COMMON
from leaderboard.evidence.pool import Share, forward_e, spare
from leaderboard.evidence.synthetic import Actor, Contest
from leaderboard.evidence.tactics import Tactic
from leaderboard.ids import AuthorId
from leaderboard.standings import Standings

Values = np.ndarray
NULLS = 27_247
"""Experiments of the swarm this project answers: the number of null claims of goal E2."""


# Coverage of the confidence sequence under continuous peeking


def _noise(name: str, dice: np.random.Generator, shape: tuple[int, int]) -> Values:
    """Draws whose median is 0."""
    if name == "normal":
        return dice.normal(size=shape)
    if name == "Cauchy":
        return dice.standard_cauchy(shape)
    if name == "log-normal, skewed":
        return np.exp(dice.normal(size=shape)) - 1.0
    if name == "two modes":
        lower = dice.random(shape) < 0.45
        return np.where(lower, -3.0, 3.0) + 0.1 * dice.normal(size=shape) - _UPPER_MODE
    if name.endswith("% diverge"):
        share = int(name.split(maxsplit=1)[0]) / 100
        middle = statistics.NormalDist().inv_cdf((0.5 - share) / (1.0 - share))
        return np.where(dice.random(shape) < share, -100.0, dice.normal(size=shape) - middle)
    if name == "either side diverges in 10 %":
        alone = dice.random((2, *shape)) < 0.1
        finite = np.clip(dice.standard_cauchy(shape), -100.0, 100.0)
        lost, won = alone[0] & ~alone[1], alone[1] & ~alone[0]
        return np.where(alone.all(axis=0), 0.0, np.where(lost, -100.0, np.where(won, 100.0, finite)))
    if name == "steps of a quarter sd":
        return np.round(4.0 * dice.normal(size=shape)) / 4.0
    if name == "atoms, median at an edge":
        toss = dice.random(shape)
        return np.where(toss < 0.5, -1.0, np.where(toss < 0.6, 0.0, 1.0))
    if name == "atoms (60 % exactly 0)":
        return np.where(dice.random(shape) < 0.6, 0.0, 1.0)
    raise ValueError(name)


_UPPER_MODE = 3.0 + 0.1 * statistics.NormalDist().inv_cdf(0.05 / 0.55)
"""The median of the two modes, of which 45 % lie in the lower."""
_NOISES = (
    "normal", "Cauchy", "log-normal, skewed", "two modes", "1 % diverge", "10 % diverge", "20 % diverge",
    "40 % diverge", "either side diverges in 10 %", "steps of a quarter sd", "atoms (60 % exactly 0)",
    "atoms, median at an edge",
)  # fmt: skip


def coverage(quick: bool) -> dict[str, object]:
    """Share of runs whose interval held the true median at every n from 2 to 200."""
    runs = 2_000 if quick else 20_000
    dice = np.random.default_rng(1)
    counts = {n: median_interval(range(n), COMMON.odds) for n in range(2, 201)}
    print(f"\nCoverage of the 95 % confidence sequence at all n = 2..200 at once ({runs} runs)")
    rows: dict[str, object] = {}
    for name in _NOISES:
        values = _noise(name, dice, (runs, 200))
        above = np.cumsum(values > 0.0, axis=1)
        below = np.cumsum(values < 0.0, axis=1)
        missed = np.zeros(runs, dtype=bool)
        fixed = np.zeros(runs, dtype=bool)
        for n, ends in counts.items():
            if ends is not None:
                need = int(ends[1]) + 1  # the interval ends at the need-th value
                missed |= (above[:, n - 1] >= need) | (below[:, n - 1] >= need)
            z = 1.96 * np.sqrt(n) / 2.0
            fixed |= np.abs(above[:, n - 1] - n / 2) - (values[:, :n] == 0).sum(axis=1) * 0.5 > z
        rows[name] = 1.0 - float(missed.mean())
        print(
            f"  {name:30s} {100 * (1 - missed.mean()):6.2f} %   (a fixed-n sign test: "
            f"{100 * (1 - fixed.mean()):5.1f} %)"
        )
    worst = min(float(str(value)) for value in rows.values())
    return {"E2_coverage": {"value": worst, "goal": 0.95, "met": worst >= 0.95, "rows": rows}}


# False discoveries


def _share(index: int, wins: int, seeds: int) -> Share:
    author = AuthorId(index.to_bytes(32, "big"))
    return Share(author, Weight.KNOWN, Count(wins, seeds - wins), 0, 0, ("one",))


def _level(wins: list[int], seeds: int) -> int | None:
    if len(wins) < COMMON.least_replicators:
        return None
    value: Fraction = forward_e([_share(i, w, seeds) for i, w in enumerate(wins)], COMMON)
    return strength(value, COMMON.odds)


def _discoveries(chance: Values, dice: np.random.Generator, replicators: int) -> set[int]:
    """Claims ever confirmed while replications of 8 seeds arrive round by round, peeking always."""
    wins = dice.binomial(8, chance[:, None], (len(chance), replicators))
    found: set[int] = set()
    for done in range(2, replicators + 1):
        levels = {i: _level([int(w) for w in wins[i, :done]], 8) for i in range(len(chance))}
        bar = bar_level(len(chance), Counter(level for level in levels.values() if level is not None))
        found |= {i for i, level in levels.items() if level is not None and level >= bar}
    return found


def false_discoveries(quick: bool) -> dict[str, object]:
    """Null claims that were ever confirmed, and the false share among confirmed ones in a mixed swarm."""
    runs = 1 if quick else 10
    dice = np.random.default_rng(2)
    print(f"\nFalse confirmations among {NULLS} null claims, 5 replicators x 8 seeds, watched all the time")
    greedy = float(np.mean([dice.normal(size=NULLS).max() for _ in range(50)]))
    hits = [len(_discoveries(np.full(NULLS, 0.5), dice, 5)) for _ in range(runs)]
    uncorrected = [
        int(sum(e_value(int(w), 40 - int(w)) >= COMMON.odds for w in dice.binomial(40, 0.5, NULLS)))
        for _ in range(3)
    ]
    print(f"  best single seed of all claims looks {greedy:.2f} sd better than nothing")
    print(f"  confirmed at E >= 20 without correction: {statistics.mean(uncorrected):.0f} claims a run")
    print(f"  confirmed by the board: {sum(hits)} in {runs} runs")
    rates: list[float] = []
    power: list[float] = []
    for _ in range(runs):
        real = int(0.01 * NULLS)
        chance = np.concatenate([np.full(real, 0.84), np.full(NULLS - real, 0.5)])  # effects of 1 sd
        found = _discoveries(chance, dice, 5)
        rates.append(sum(i >= real for i in found) / max(1, len(found)))
        power.append(sum(i < real for i in found) / real)
    fdr = statistics.mean(rates)
    found_share = 100 * statistics.mean(power)
    print(f"  1 % true effects of 1 sd: false share {100 * fdr:.2f} %, found {found_share:.0f} %")
    return {
        "E2": {
            "value": fdr,
            "goal": 0.05,
            "false_in_all_null_runs": sum(hits),
            "runs": runs,
            "power_1sd": statistics.mean(power),
            "met": fdr <= 0.05 and sum(hits) <= 0.05 * runs,
        }
    }


# False discoveries on a board that grows


def growing(quick: bool) -> dict[str, object]:
    """Claims tested one after another, each held against the bar of the moment.

    The stated rate is for moments that nobody chose by what stood confirmed; beside it, the greatest false
    share that ever stood while the board grew, which has no bound.
    """
    runs, claims = (60, 256) if quick else (400, 512)
    dice = np.random.default_rng(6)
    print(f"\nFalse share on a board that grows to {claims} claims, 2 replicators x 8 seeds ({runs} runs)")
    worst, rows = 0.0, dict[str, float]()
    for real in (0.0, 0.1):
        histories = np.array([_false_shares(dice, claims, real) for _ in range(runs)])
        fixed = float(histories.mean(axis=0).max())
        flattering = float(histories.max(axis=1).mean())
        worst, rows[f"{real:.0%} true"] = max(worst, fixed), flattering
        print(
            f"  {100 * real:3.0f} % true effects: at a given moment at most {100 * fixed:.2f} % in the mean; "
            f"the worst of all moments {100 * flattering:.2f} % in the mean"
        )
    return {"E2_growing": {"value": worst, "goal": 0.05, "worst_moment": rows, "met": worst <= 0.05}}


def _false_shares(dice: np.random.Generator, claims: int, real: float) -> list[float]:
    """The false share among confirmed claims after each further claim was tested."""
    null = dice.random(claims) >= real
    wins = dice.binomial(16, np.where(null, 0.5, 0.95))
    level = [strength(e_value(int(won), 16 - int(won)), COMMON.odds) for won in wins]
    shares: list[float] = []
    for tested in range(1, claims + 1):
        bar = bar_level(tested, Counter(level[:tested]))
        confirmed = [i for i in range(tested) if level[i] >= bar]
        shares.append(sum(bool(null[i]) for i in confirmed) / max(1, len(confirmed)))
    return shares


# A null candidate on many tracks


def null_tracks(quick: bool) -> dict[str, object]:
    """One null candidate on each of 10,000 tracks: how often is it ever promoted, however it is watched?

    It is the only tested claim of its track, which is the lowest bar there is.
    """
    tracks = 2_000 if quick else 10_000
    print(f"\nA candidate without any effect, alone on each of {tracks:,} tracks, watched after every seed")
    rates: dict[str, float] = {}
    for name, replicators, seeds, diverging in (
        ("2 replicators, 8 seeds each", 2, 8, 0.0),
        ("5 replicators, 8 seeds each", 5, 8, 0.0),
        ("7 replicators, 32 seeds each", 7, 32, 0.0),
        ("5 replicators, a third of the seeds tied", 5, 8, 1 / 3),
    ):
        dice = np.random.default_rng(5)
        found = sum(_ever_promoted(dice, replicators, seeds, diverging) for _ in range(tracks))
        rates[name] = found / tracks
        print(f"  {name:42s} promoted {found:4d} times: {100 * rates[name]:.2f} %  (stated: at most 5 %)")
    worst = max(rates.values())
    return {"E2_null": {"value": worst, "goal": 0.05, "tracks": tracks, "rows": rates, "met": worst <= 0.05}}


def _ever_promoted(dice: np.random.Generator, replicators: int, seeds: int, tied: float) -> bool:
    """Whether the board would confirm it at any moment while seeds arrive one by one, in turn."""
    tie = dice.random((replicators, seeds)) < tied
    won = (dice.random((replicators, seeds)) < 0.5) & ~tie
    wins, delivered = np.cumsum(won, axis=1), np.cumsum(~tie, axis=1)
    kept = spare(replicators, COMMON)  # necessary: it holds without the first ones, too
    rest = wins[kept:].sum(axis=0), (delivered - wins)[kept:].sum(axis=0)
    moments = [
        done for done in range(seeds) if e_value(int(rest[0][done]), int(rest[1][done])) >= COMMON.odds
    ]
    return any(
        forward_e([_share(i, int(wins[i, t]), int(delivered[i, t])) for i in range(replicators)], COMMON)
        >= COMMON.odds
        for t in moments
    )


# Winner's curse


def _curse(claims: int, tau: float, replicators: int, more: bool, dice: np.random.Generator) -> float | None:
    """Mean of shown minus true effect over the top ten; None if nothing was confirmed."""
    true = dice.normal(0.0, tau, claims)
    data = [dice.normal(true[i], 1.0, 8 * replicators) for i in range(claims)]

    def level(values: Values) -> int:
        wins = [int((part > 0).sum()) for part in np.array_split(values, replicators)]
        return strength(
            min(
                e_value(sum(wins) - w, len(values) - len(values) // replicators - sum(wins) + w) for w in wins
            ),
            COMMON.odds,
        )

    levels = {i: level(values) for i, values in enumerate(data)}
    wanted = 8 * doublings(claims) if more else 0
    while True:
        bar = bar_level(claims, Counter(levels.values()))
        bounds = [
            (lower_bound(sorted(data[i].tolist()), COMMON.odds << bar), i) for i in levels if levels[i] >= bar
        ]
        top = [i for low, i in sorted(bounds, key=lambda b: -1e9 if b[0] is None else b[0])[-10:]]
        short = [i for i in top if len(data[i]) < wanted]
        if not short:
            break
        for i in short:
            data[i] = np.concatenate([data[i], dice.normal(true[i], 1.0, wanted - len(data[i]))])
            levels[i] = level(data[i])
    return float(np.mean([np.median(data[i]) - true[i] for i in top])) if top else None


def winners_curse(quick: bool) -> dict[str, object]:
    """Shown against true effect of the top ten, in standard deviations of a seed."""
    runs = 3 if quick else 12
    dice = np.random.default_rng(3)
    print("\nWinner's curse: shown minus true effect of the top ten, in seed sd")
    print("  claims  spread  greedy single seed  board without more seeds  board")
    biases: list[float] = []
    cases = [(200, 1.0, 3), (2_000, 1.0, 3), (2_000, 0.5, 5), (5_000, 0.3, 5)]
    for claims, tau, replicators in cases if quick else [*cases, (NULLS, 0.3, 5)]:
        true = dice.normal(0.0, tau, (runs, claims))
        single = true + dice.normal(size=true.shape)
        order = np.argsort(single, axis=1)[:, -10:]
        greedy = float(np.mean(np.take_along_axis(single - true, order, axis=1)))
        results = []
        for more in (False, True):
            found = [_curse(claims, tau, replicators, more, dice) for _ in range(runs)]
            seen = [bias for bias in found if bias is not None]
            results.append(statistics.mean(seen) if seen else float("nan"))
        biases.append(results[1])
        print(f"  {claims:6d}  {tau:6.1f}  {greedy:18.2f}  {results[0]:24.3f}  {results[1]:+.3f}")
    worst = max(abs(bias) for bias in biases)
    return {"E5": {"value": worst, "goal": 0.1, "met": worst < 0.1}}


# What searches claim


def searches(quick: bool) -> dict[str, object]:
    """Claimed against re-measured effect of what each way of searching ends with, in seed sd."""
    runs = 4 if quick else 12
    print("\nClaimed and re-measured effect of the final best, in seed sd")
    print("  search                          runs  claimed  re-measured   bias")
    rows: dict[str, float] = {}
    found: dict[str, list[tuple[float, float]]] = {
        "greedy, single seed, 125 trials": [_greedy(np.random.default_rng(run)) for run in range(runs)],
        "TPE, single seed, 125 trials": [_tpe(run) for run in range(runs)],
        "our swarm of 8, board's top ten": [_swarm(run) for run in range(1 if quick else 4)],
    }
    for name, pairs in found.items():
        claimed, true = (statistics.mean(side) for side in zip(*pairs, strict=True))
        rows[name] = claimed - true
        print(f"  {name:30s}  {len(pairs):4d}  {claimed:7.2f}  {true:11.2f}  {claimed - true:+.3f}")
    return {"E5_searches": {"value": rows, "goal": 0.1, "met": abs(list(rows.values())[-1]) < 0.1}}


_TRIALS = 125
"""Experiments of the best-known public log of greedy search."""


def _greedy(dice: np.random.Generator) -> tuple[float, float]:
    """Keep whatever looks better than the best number so far; steps are small against the noise."""
    claimed = true = 0.0
    for _ in range(_TRIALS):
        idea = true + dice.normal(-0.05, 0.1)
        seen = idea + dice.normal()
        if seen > claimed:
            claimed, true = seen, idea
    return claimed, true


def _tpe(run: int) -> tuple[float, float]:
    """Optuna's TPE on a bowl in four dimensions that is half a standard deviation deep."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    dice = np.random.default_rng(100 + run)
    bottom = dice.uniform(-0.7, 0.7, 4)

    def gain(at: list[float]) -> float:
        return 0.5 - 0.25 * float(np.square(np.array(at) - bottom).sum())

    def objective(trial: optuna.Trial) -> float:
        return gain([trial.suggest_float(f"x{i}", -1, 1) for i in range(4)]) + dice.normal()

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=run))
    study.optimize(objective, n_trials=_TRIALS)
    return study.best_value, gain(list(study.best_params.values()))


def _swarm(run: int) -> tuple[float, float]:
    """Means over the first ten rows of the common board after a drill without liars: shown, and true."""
    drill = Drill(Setup(nodes=8, rounds=24, seed=run))
    drill.run()
    rows = drill.standings.top(drill.track, 10)
    shown = [row.view.margin.median for row in rows if row.view.margin is not None]
    return statistics.mean(shown), statistics.mean(drill.gain(row.view.id) for row in rows)


# Liars


@dataclass(frozen=True)
class Cell:
    """Swarms of one size with one share of liars, and the board that steers honest nodes."""

    nodes: int
    share: float
    runs: int
    believes: str = "mine"

    def play(self) -> list[Outcome]:
        """Every run of the cell, from seeds 0, 1, ..."""
        setup = Setup(
            nodes=self.nodes,
            liars=round(self.share * self.nodes),
            rounds=45 if self.nodes == 16 else 50,
            believes=self.believes,
            glitch=0.002,
        )
        return [Drill(replace(setup, seed=seed)).run() for seed in range(self.runs)]


QUICK = [Cell(16, 0.31, 1)]
SWARMS = [
    *(Cell(16, share, 4) for share in (0.0, 0.06, 0.19, 0.31)),
    Cell(16, 0.31, 1, "common"),
    Cell(16, 0.31, 1, "authors"),
    *(Cell(64, share, 2) for share in (0.0, 0.06, 0.19, 0.31)),
]


def liars(quick: bool) -> dict[str, object]:
    """Swarms under attack: share of runs that reach the target, and what it cost."""
    print("\nLiars who lie together, mint identities, slander, withhold, grind and earn trust first")
    print("  nodes  liars  board    reached  rounds  false  honest quarantined (still)  caught  verification")
    played: list[tuple[Cell, list[Outcome]]] = []
    for cell in QUICK if quick else SWARMS:
        outcomes = cell.play()
        played.append((cell, outcomes))
        _print_cell(cell, outcomes)
    mine = [(cell, outcomes) for cell, outcomes in played if cell.believes == "mine"]
    hardest = [(cell, outcomes) for cell, outcomes in mine if cell.share == 0.31]
    every = [outcome for _, outcomes in mine for outcome in outcomes]
    reached = {f"{cell.nodes}": f"{len(_arrived(found))}/{len(found)}" for cell, found in hardest}
    hurt = max(_mean_size(found, "quarantined") for _, found in mine)
    left = sum(len(outcome.still_quarantined) for outcome in every)
    false = sum(len(outcome.false_confirmed) for outcome in every)
    cost = max(outcome.verification_share for outcome in every)
    arrived = all(len(_arrived(found)) == len(found) for _, found in hardest)
    return {
        "E3": {
            "value": reached,
            "honest_quarantined_a_run": hurt,
            "not_restored": left,
            "false_confirmed": false,
            "met": arrived and hurt < 0.5 and left == 0 and false == 0,
        },
        "E4": {"value": cost, "goal": 0.3, "met": cost <= 0.3},
    }


TACTICS = {
    "splendid, 1 round in 20": Tactic("splendid", 0.05),
    "splendid, 1 in 10": Tactic("splendid", 0.1),
    "splendid, 1 in 5": Tactic("splendid", 0.2),
    "splendid, names used once": Tactic("splendid", 0.2, wakes=6, disposable=True),
    "hollow, 1 in 10": Tactic("hollow", 0.1),
    "hollow, 32 seeds each": Tactic("hollow", 0.1, seeds=32),
    "hollow, asleep for 25 rounds": Tactic("hollow", 0.5, wakes=25),
    "tinted, 30 % of the seeds": Tactic("tinted", 0.1),
    "slander, 3 in 10": Tactic("slander", 0.3),
}


def sly(quick: bool) -> dict[str, object]:
    """Liars who work honestly, are trusted and lie rarely, 5 of 16 nodes: what they gain on honest boards."""
    print("\nLiars who pass for honest (leaderboard.evidence.tactics), 5 of 16 nodes, 45 rounds")
    print("  tactic                        reached  false  honest quarantined (still)  caught")
    false = still = 0
    for name, tactic in list(TACTICS.items())[6:7] if quick else TACTICS.items():
        found = Drill(Setup(liars=5, rounds=45, glitch=0.002, tactic=tactic)).run()
        false += len(found.false_confirmed)
        still += len(found.still_quarantined)
        when = "never" if found.reached is None else str(found.reached)
        print(
            f"  {name:28s}  {when:>7s}  {len(found.false_confirmed):5d}  {len(found.quarantined):18d} "
            f"({len(found.still_quarantined)})  {found.caught:10.2f}",
            flush=True,
        )
    return {"E3_sly": {"false_confirmed": false, "not_restored": still, "met": false == 0 and still == 0}}


def _arrived(outcomes: list[Outcome]) -> list[int]:
    """Rounds in which the target was reached, of runs that were not thrown back afterwards."""
    return [found.reached for found in outcomes if found.reached is not None and found.best >= 10.0]


def _mean_size(outcomes: list[Outcome], name: str) -> float:
    return statistics.mean(len(getattr(outcome, name)) for outcome in outcomes)


def _print_cell(cell: Cell, outcomes: list[Outcome]) -> None:
    reached = _arrived(outcomes)
    when = statistics.median(reached) if reached else float("nan")
    print(
        f"  {cell.nodes:5d}  {100 * cell.share:4.0f}%  {cell.believes:7s}  {len(reached):2d}/{len(outcomes):<2d}    "
        f"{when:6.1f}  {_mean_size(outcomes, 'false_confirmed'):5.1f}  "
        f"{_mean_size(outcomes, 'quarantined'):18.2f} ({_mean_size(outcomes, 'still_quarantined'):.2f})  "
        f"{statistics.mean(outcome.caught for outcome in outcomes):6.2f}  "
        f"{100 * statistics.mean(outcome.verification_share for outcome in outcomes):9.1f} %",
        flush=True,
    )


# Reading a board


def reading(quick: bool) -> dict[str, object]:
    """Time of the top ten of a track after any change (goal K5), and of the change itself."""
    claims = 4_000 if quick else 50_000
    contest = Contest()
    dice = random.Random(4)
    authors = [Actor(f"a{i}", contest, sealed=False) for i in range(200)]
    records = [authors[0].track()]
    for _ in range(claims):
        author = dice.choice(authors)
        gain = round(dice.gauss(0, 1) if dice.random() < 0.97 else dice.uniform(1.5, 5), 6)
        claim = author.claim(gain)
        records += [claim, author.result(claim, gain)]
        for peer in dice.sample(authors, 3) if dice.random() < 0.3 else []:
            if peer is not author:
                accept = peer.accept(claim)
                records += [accept, peer.deliver(accept, gain)]
    standings, track = Standings(), contest.manifest.id
    held = records[-2000:]
    standings.add(records[:-2000])
    standings.top(track)
    gc.collect()
    gc.freeze()
    times: dict[str, list[float]] = {"change": [], "top 10": []}
    for record in held:
        start = time.perf_counter()
        standings.add([record])
        standings.top(track, 1)
        middle = time.perf_counter()
        standings.top(track, 10)
        times["change"].append(1e6 * (middle - start))
        times["top 10"].append(1e6 * (time.perf_counter() - middle))
    print(f"\nReading the top ten after each of 2,000 changes, {len(records):,} records, {claims:,} claims")
    for name, values in times.items():
        cuts = statistics.quantiles(values, n=100)
        middle = statistics.median(values)
        print(f"  {name:7s} median {middle:6.1f} us   p90 {cuts[89]:6.1f}   p99 {cuts[98]:7.1f}")
    value = statistics.median(times["top 10"])
    return {
        "K5": {
            "value": value,
            "goal": 20.0,
            "records": len(records),
            "change_us": statistics.median(times["change"]),
            "met": value <= 20.0,
        }
    }


SECTIONS: dict[str, Callable[[bool], dict[str, object]]] = {
    "coverage": coverage,
    "fdr": false_discoveries,
    "growing": growing,
    "null": null_tracks,
    "curse": winners_curse,
    "searches": searches,
    "liars": liars,
    "sly": sly,
    "reading": reading,
}


def main() -> None:
    """Run the chosen sections; the last line with --json is one object keyed by goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less than a minute in all")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, separated by commas")
    arguments = parser.parse_args()
    result: dict[str, object] = {}
    for name in arguments.only.split(","):
        result.update(SECTIONS[name](arguments.quick))
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
