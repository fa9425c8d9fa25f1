"""A record set of a million, as a swarm of 660 authors would have written it, and the boards folded from it.

    python bench/store_base.py DIR [--records N] [--seconds S]

makes DIR/records.db and DIR/boards.db, or goes on where it was interrupted; `bench/store.py` measures there.

Claims come with their authors' results; six in ten are accepted and run by another author, one in twelve by
three, with real effects or none, so that a few thousand are confirmed. Seeds derive as they must, so every
delivery is valid. What belongs to one claim arrives within some thousand records. Signatures have the right
form and are nobody's: to sign a million would take longer than everything that is measured.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import random
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # else bench/gossip.py is found as `gossip`

from leaderboard.codec import encode
from leaderboard.envelope import Envelope
from leaderboard.evidence.seeds import author_seeds, replicator_seeds
from leaderboard.evidence.synthetic import SWARM, Contest
from leaderboard.ids import AuthorId, ContentId
from leaderboard.measurement import Measurement
from leaderboard.records import Accept, Claim, Record, Replication, Result, Track, commitment
from leaderboard.signing import Signer
from node.boards import Boards
from node.store import Store

__all__ = ["CONTEST", "NOW_MS", "envelopes", "fill", "fold"]

CONTEST = Contest(name="a million")
NOW_MS = 1_790_000_000_000
AUTHORS = 660
_SEEDS = 8
_WINDOW = 4_000
"""Records within which everything about one claim arrives."""
_SIGNATURE = Signer(b"s" * 32).sign(b"of the right form, and nobody's")


class _Author:
    def __init__(self, chance: random.Random) -> None:
        self.id = AuthorId(Signer(chance.randbytes(32)).author)
        self._chain = chance.randbytes(16)
        self._last: ContentId | None = None
        self._seq = -1

    def write(self, record: Record, time_ms: int) -> Envelope:
        self._seq += 1
        body = encode(
            {
                "author": self.id,
                "chain": self._chain,
                "kind": record.kind,
                "payload": record.payload(),
                "prev": self._last,
                "seq": self._seq,
                "swarm": SWARM,
                "time": time_ms,
            }
        )
        item = ContentId(hashlib.sha256(b"consilience/record/v1\x00" + body).digest())
        raw = encode([1, body, _SIGNATURE])
        found = Envelope(raw, item, self.id, SWARM, self._chain, self._seq, self._last, time_ms, record)
        self._last = item
        return found


def envelopes(count: int, seed: int) -> Iterator[Envelope]:
    """The first `count` records, in the order of arrival."""
    chance = random.Random(seed)
    authors = [_Author(chance) for _ in range(AUTHORS)]
    track = CONTEST.manifest.id
    yield authors[0].write(Track(CONTEST.manifest), NOW_MS)
    due: list[tuple[int, int, _Author, ContentId, bytes, float, Accept | ContentId]] = []
    number = 1
    while number < count:
        while due and due[0][0] <= number:
            _, mark, peer, claim, secret, gain, step = heapq.heappop(due)
            if isinstance(step, Accept):
                accept = peer.write(step, NOW_MS + 10 * number)
                later = number + 1 + chance.randrange(_WINDOW)
                heapq.heappush(due, (later, mark, peer, claim, secret, gain, accept.id))
                yield accept
            else:
                seeds = replicator_seeds(track, claim, peer.id, secret, _SEEDS)
                own = _measured(chance, seeds, gain)
                yield peer.write(Replication(claim, step, secret, own, None), NOW_MS + 10 * number)
            number += 1
        author, gain = authors[chance.randrange(AUTHORS)], chance.choice([0.0, 0.0, -0.5, chance.gauss(0, 1)])
        recipe = chance.randrange(200) if chance.random() < 0.1 else 1_000 + number
        record = Claim(
            track, {"gain": gain, "number": recipe, "text": "x" * 60}, None, "larger numbers win", 0.5, (),
            "search/evolution", "", derivable=True,
        )  # fmt: skip
        claim = author.write(record, NOW_MS + 10 * number)
        yield claim
        own = _measured(chance, author_seeds(track, author.id, 3), gain)
        yield author.write(Result(claim.id, own), NOW_MS + 10 * number)
        number += 2
        luck = chance.random()
        for peer in chance.sample(authors, 3 if luck < 1 / 12 else int(luck < 0.6)):
            if peer is not author:
                secret = chance.randbytes(32)
                accept = Accept(claim.id, _SEEDS, commitment(claim.id, peer.id, secret))
                when = number + chance.randrange(_WINDOW)
                heapq.heappush(due, (when, chance.getrandbits(62), peer, claim.id, secret, 4 * gain, accept))


def _measured(chance: random.Random, seeds: tuple[int, ...], gain: float) -> Measurement:
    opponent = tuple(5.0 + chance.gauss(0, 1) for _ in seeds)
    candidate = tuple(value - gain - chance.gauss(0, 1) for value in opponent)
    stable = (True,) * len(seeds)
    return Measurement(seeds, candidate, opponent, stable, "x86-64/avx2", 1.0, "none", 4_000)


def fill(path: Path, count: int) -> dict[str, float]:
    """Store the records in batches of 1000, as the ledger does; the time is that of the store alone."""
    spent = cpu = wire = 0.0
    with Store(path, SWARM) as store:
        known = store.count()
        items = islice(envelopes(count, 1) if known < count else iter(()), known, count)
        while batch := list(islice(items, 1_000)):
            start, start_cpu = time.perf_counter(), time.process_time()
            store.known([item.id for item in batch])
            store.append(batch)
            spent += time.perf_counter() - start
            cpu += time.process_time() - start_cpu
            wire += sum(len(item.raw) for item in batch)
        made = max(1, store.count() - known)
    return {
        "records": count,
        "wall_us_a_record": 1e6 * spent / made,
        "cpu_us_a_record": 1e6 * cpu / made,
        "bytes_a_record_on_disk": path.stat().st_size / count,
        "bytes_a_record_on_the_wire": wire / made,
    }


def fold(directory: Path, seconds: float) -> dict[str, float]:
    """Fold the log into the boards' file, for at most `seconds`; how far it got and what a record cost."""

    async def run() -> dict[str, float]:
        with Store(directory / "records.db", SWARM) as store:
            boards = Boards(store, directory / "boards.db", None)
            boards.open(frozenset())
            first, start, cpu = boards.row, time.perf_counter(), time.process_time()
            with trio.move_on_after(seconds):
                await boards.catch_up(store.count)
            boards.close()
            done = boards.row - first or float("inf")  # nothing folded costs nothing a record
            return {
                "row": boards.row,
                "records": store.count(),
                "wall_us_a_record": 1e6 * (time.perf_counter() - start) / done,
                "cpu_us_a_record": 1e6 * (time.process_time() - cpu) / done,
                "bytes_a_record_on_disk": (directory / "boards.db").stat().st_size / boards.row,
            }

    return trio.run(run)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=150.0, help="of folding; run again to go on")
    words = parser.parse_args()
    words.directory.mkdir(parents=True, exist_ok=True)
    print(fill(words.directory / "records.db", words.records))
    print(fold(words.directory, words.seconds))


if __name__ == "__main__":
    main()
