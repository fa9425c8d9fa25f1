"""Which part of the machine a worker computes on, by name: `cpu`, or `cuda:0` for the first GPU.

A worker sees exactly its own device and calls it the first one: `cuda:1` starts with that card alone visible,
and a worker on the processor sees no card. So a runner asks torch what there is, and two workers never share
a card by accident. Cards are counted by asking a child (`experiments.harness.probe`), since only torch knows
whether it can use one and torch is never loaded in the daemon.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from leaderboard.errors import LocalError

__all__ = ["CPU", "CUDA", "DeviceName", "find_cards"]

CPU: Final = "cpu"
CUDA: Final = "cuda"
_NAME: Final = re.compile(r"cpu|cuda:(\d{1,3})")
_PROBE_S: Final = 120.0  # torch takes a minute to load on a cold and busy disk
_DRIVER: Final = Path("/proc/driver/nvidia")
_MAX_CARDS: Final = 64


@dataclass(frozen=True, slots=True)
class DeviceName:
    """A kind of device and, for cards, which one."""

    kind: str = CPU
    card: int | None = None

    @classmethod
    def read(cls, text: str) -> DeviceName:
        """`cpu` or `cuda:N`; LocalError for anything else."""
        found = _NAME.fullmatch(text)
        if found is None:
            raise LocalError(f"{text[:32]!r} names no device; say cpu or cuda:0, cuda:1, ...")
        return cls() if found[1] is None else cls(CUDA, int(found[1]))

    def __str__(self) -> str:
        return self.kind if self.card is None else f"{self.kind}:{self.card}"

    @property
    def surroundings(self) -> dict[str, str]:
        """Environment variables that show a worker this device and no other."""
        if self.card is None:
            return {"CUDA_VISIBLE_DEVICES": ""}
        # The workspace setting makes cuBLAS repeatable for runners that ask torch for determinism.
        return {
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            "CUDA_VISIBLE_DEVICES": str(self.card),
            "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        }


async def find_cards(driver: Path = _DRIVER) -> tuple[str, ...]:
    """Models of the CUDA cards that torch can use here, in order of number; empty where there is none.

    Without NVIDIA's `driver` nothing is started. A probe that fails or hangs finds no card.
    """
    if not await trio.Path(driver).exists():
        return ()
    try:
        with trio.fail_after(_PROBE_S):
            done = await trio.run_process(
                [sys.executable, "-P", "-m", "experiments.harness.probe"],
                stdin=b"",
                capture_stdout=True,
                stderr=subprocess.DEVNULL,
                check=False,
            )
    except trio.TooSlowError:
        return ()
    return _models(done.stdout)


def _models(said: bytes) -> tuple[str, ...]:
    """What the probe printed last: a JSON list of names."""
    try:
        found = json.loads(said.decode().splitlines()[-1])
    except (ValueError, IndexError):
        return ()
    return tuple(str(name)[:64] for name in found[:_MAX_CARDS]) if isinstance(found, list) else ()
