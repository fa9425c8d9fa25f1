"""One run of the demo's swarm, with a power cut and garbage in it, as bench/demo.py makes it ten times.

Whether He's law is found within the time is a matter of chance and of the machine's speed: the benchmark
counts it, this test does not. What must never fail: all nodes agree, and nothing but He's law is flagged as
He's.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench" / "demo.py"


@pytest.fixture(scope="module")
def bench():
    """The benchmark's module, by its path: bench/ is not a package."""
    spec = importlib.util.spec_from_file_location("bench_demo", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demo_swarm_agrees_in_spite_of_a_power_cut_and_garbage():
    command = [sys.executable, "-P", str(BENCH), "--runs", "1", "--seconds", "120"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=800, check=True).stdout
    outcome = json.loads(told.splitlines()[0])
    print(outcome)
    assert outcome["agreed"], outcome
    assert outcome["claims"] > 10
    assert outcome["wrongly_flagged"] == 0


@pytest.mark.parametrize(
    ("law", "mode"),
    [
        ("init_std=sqrt(2/fan_in)", "fan_in"),
        ("init_std=1.4142*fan_out**-0.5  lr=0.01", "fan_out"),
        ("init_std=sqrt(3/fan_in)", ""),
        ("init_std=0.17", ""),
        ("init_std=(((", ""),
        ("nothing", ""),
    ],
)
def test_the_judge_of_the_benchmark_knows_the_law(bench, law, mode):
    assert bench.law_of(law) == mode
