"""A runner that behaves as its recipe says, mostly badly. Imported by worker processes in tests."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time

import numpy as np

GOOD = {"y": np.array([1.0, 2.0, 3.0])}


def run(recipe, seed, inputs, progress, ulps=0):
    conduct = recipe.setting("conduct")
    return globals()[conduct](recipe, seed, inputs, progress, ulps)


def sums(recipe, seed, inputs, progress, ulps):
    return {"y": inputs["x"] + seed + recipe.number("shift")}


def wobbles(recipe, seed, inputs, progress, ulps):
    return {"y": inputs["x"] + (1.0 if ulps else 0.0)}


def counts(recipe, seed, inputs, progress, ulps):
    for step in range(1, 4):
        time.sleep(0.11)
        progress(step, 3)
    return GOOD


def raises(recipe, seed, inputs, progress, ulps):
    raise ZeroDivisionError("on purpose")


def exits(recipe, seed, inputs, progress, ulps):
    print("last words", flush=True)
    os._exit(3)


def hangs(recipe, seed, inputs, progress, ulps):
    """Hang with a child in a process group of its own, which has a child in turn."""
    script = (
        f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); "
        "print(flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", script], process_group=0, stdout=subprocess.PIPE)
    print(f"child {child.pid}", flush=True)
    progress(0, 1)
    assert child.stdout is not None
    child.stdout.readline()  # it has a child, too
    for _ in range(550):
        progress(1, 1)  # again and again, since reports that come too soon are not sent
        time.sleep(0.11)


SLEEP = "import time; time.sleep(60)"


def floods(recipe, seed, inputs, progress, ulps):
    for _ in range(100):
        print("x" * 65536, flush=True)
    time.sleep(60)


def wrong_shape(recipe, seed, inputs, progress, ulps):
    return {"y": np.zeros(4)}


def wrong_type(recipe, seed, inputs, progress, ulps):
    return {"y": np.zeros(3, dtype=np.float16)}


def wrong_name(recipe, seed, inputs, progress, ulps):
    return {"z": np.zeros(3)}


def objects(recipe, seed, inputs, progress, ulps):
    return {"y": np.array([object()] * 3)}


def nothing(recipe, seed, inputs, progress, ulps):
    return None


def diverges(recipe, seed, inputs, progress, ulps):
    return {"y": np.array([1.0, np.nan, np.inf])}


def _say(data: bytes) -> None:
    os.write(int(sys.argv[1]), data)
    time.sleep(60)


def huge_frame(recipe, seed, inputs, progress, ulps):
    _say(struct.pack(">I", 2**32 - 1) + b"x" * 100)


def garbage(recipe, seed, inputs, progress, ulps):
    _say(struct.pack(">I", 5) + b"\xc1\xff\x00\x01\x02")


def odd_progress(recipe, seed, inputs, progress, ulps):
    _say(struct.pack(">I", 29) + b"\x83\xa4kind\xa8progress\xa4step\xa1x\xa5steps\x01")


def peeks(recipe, seed, inputs, progress, ulps):
    """1.0 for each thing that a worker must not find: labels, secrets, the caller's folder on the path."""
    found = [
        "sealed" in inputs or "labels" in inputs,
        any("SECRET" in name for name in os.environ),
        "" in sys.path or os.getcwd() in sys.path,
    ]
    return {"y": np.array(found, dtype=np.float64)}


def swells(recipe, seed, inputs, progress, ulps):
    """Take 64 MiB after 64 MiB."""
    held = []
    while True:
        held.append(np.ones(8 * 2**20))
        time.sleep(0.01)
