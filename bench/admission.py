"""What a flood of free identities costs us, and what proof of work costs its author.

    python bench/admission.py [--quick] [--json]

Every record has an author of its own. They enter the real ledger over the real SQLite store until the pool of
strangers is used up; measured are the bytes on the disk, the CPU of a record that enters, that is over the
quota (no signature is checked) and that lacks the swarm's work. A day of flood is then counted, not run: the
pool's burst and refill, as bytes of records, times what the disk took for each.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leaderboard.admission import RECORD_COST, Allowance, Quotas, Rate
from leaderboard.envelope import ChainTip, Envelope, seal, swarm_id
from leaderboard.ids import SwarmId
from leaderboard.ledger import Ledger, Verdict
from leaderboard.records import Note
from leaderboard.signing import Signer
from node.store import Store

NOW_MS = 1_790_000_000_000
TEXT = "x" * 300
"""Makes a record of about 500 bytes, as the usual ones have."""
BATCH = 500
WORK_BITS = 16


def flood(count: int, swarm: SwarmId) -> list[Envelope]:
    """One record of each of `count` fresh identities."""
    made = []
    for number in range(count):
        signer = Signer(number.to_bytes(32, "big"))
        made.append(seal(Note(None, f"{TEXT}{number}"), signer, swarm, ChainTip(bytes(16), -1, None), NOW_MS))
    return made


def cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def measure(count: int) -> dict[str, Any]:
    swarm, working = swarm_id("flood"), swarm_id("flood", WORK_BITS)
    records = flood(count, swarm)
    half = sum(len(item.raw) + RECORD_COST for item in records[: count // 2])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.db"
        store = Store(path, swarm)
        roomy = Rate(1e12, 1e9)
        quotas = Quotas(Allowance(roomy, roomy, Rate(half, 1e-9)))
        ledger = Ledger(store, swarm, quotas=quotas)
        verdicts: list[Verdict] = []

        def offer(part: list[Envelope]) -> None:
            for start in range(0, len(part), BATCH):
                batch = [item.raw for item in part[start : start + BATCH]]
                verdicts.extend(a.verdict for a in ledger.admit(batch, NOW_MS, source="flooder", now=1.0))

        entering = cpu(lambda: offer(records[: count // 2]))
        refused = cpu(lambda: offer(records[count // 2 :]))
        entered = verdicts.count(Verdict.ACCEPT)
        idle = flood(count // 2, working)
        guard = Ledger(store, working, work_bits=WORK_BITS)
        workless = cpu(lambda: guard.admit([item.raw for item in idle], NOW_MS, source="flooder"))
        store.close()  # which folds the log of constant size into the file
        disk = path.stat().st_size
    signer, tip = Signer(b"\7" * 32), ChainTip(bytes(16), -1, None)
    sealing = cpu(
        lambda: [
            seal(Note(None, str(i)), signer, working, tip, NOW_MS, work_bits=WORK_BITS) for i in range(5)
        ]
    )
    charged = half / (count // 2)
    day = Allowance().pool.burst + 86_400 * Allowance().pool.a_second
    return {
        "records": count,
        "entered": entered,
        "record_bytes": sum(len(item.raw) for item in records) / count,
        "disk_bytes_a_record": disk / entered,
        "charged_bytes_a_record": charged,
        "cpu_us_entering": 1e6 * entering / (count // 2),
        "cpu_us_over_quota": 1e6 * refused / (count - count // 2),
        "cpu_us_without_work": 1e6 * workless / (count // 2),
        f"cpu_ms_sealing_with_{WORK_BITS}_bits": 1e3 * sealing / 5,
        "first_day_records": day / charged,
        "first_day_disk_gb": day / charged * disk / entered / 1e9,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer records")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(4_000 if arguments.quick else 20_000)
    for key, value in found.items():
        print(f"{key:32} {value:,.2f}" if isinstance(value, float) else f"{key:32} {value:,}")
    if arguments.json:
        # No goal has a number for this; what must hold is that the disk takes no more than is charged.
        met = found["disk_bytes_a_record"] <= found["charged_bytes_a_record"]
        print(json.dumps({"admission": {"value": round(found["first_day_disk_gb"], 2), "met": met}}))


if __name__ == "__main__":
    main()
