"""What a confined process may use, and what of this machine's files it may read."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from leaderboard.errors import LocalError

__all__ = ["Limits", "Runtime", "runtime"]

# Packages that a program may import, with what they load themselves. Nothing that carries a track's data:
# scikit-learn ships the digits with their labels, so it is not here and must never be.
_COMMON: Final = ("numpy", "numpy.libs", "typing_extensions.py")
_TORCH: Final = (
    "torch", "torchgen", "functorch", "sympy", "mpmath", "networkx", "jinja2", "markupsafe", "fsspec",
    "filelock", "tqdm", "nvidia", "triton",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard limits of one confined process."""

    memory_bytes: int = 1 << 30
    """Address space on top of what the interpreter and the imports already have."""
    cpu_seconds: int = 60
    """Processor time in all; the kernel ends the process."""
    wall_seconds: float = 120.0
    """From start to finish on the parent's clock; the parent ends the process."""
    idle_seconds: float = 20.0
    """Time in all that it may keep its parent waiting without running or being about to: for files that come
    from a slow disk. Nothing else in a sandbox is worth waiting for."""
    open_files: int = 64
    tasks: bool = False
    """May it start threads and processes? Only for GPU programs, which need compilers and driver threads."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """The files that a Python with numerical packages needs: all that a confined process can read."""

    python: Path
    """The interpreter itself, not a virtual environment's link to it."""
    stdlib: Path
    site: Path
    """The folder that holds the packages; only those in `packages` are visible in it."""
    packages: tuple[Path, ...]
    libraries: tuple[Path, ...]
    """Folders of the system's shared libraries, and single ones from elsewhere."""


@cache
def runtime(*, torch: bool) -> Runtime:
    """This machine's runtime; LocalError if the packages are not installed."""
    site = _site()
    names = _COMMON + (_TORCH if torch else ())
    packages = tuple(site / name for name in names if (site / name).exists())
    return Runtime(
        python=Path(os.path.realpath(sys.executable)),
        stdlib=Path(os.__file__).resolve().parent,
        site=site,
        packages=packages,
        libraries=_libraries(),
    )


def _site() -> Path:
    found = importlib.util.find_spec("numpy")
    if found is None or found.origin is None:
        raise LocalError("programs need NumPy; install the package with its dependencies")
    return Path(found.origin).resolve().parent.parent


def _libraries() -> tuple[Path, ...]:
    multiarch = Path("/usr/lib") / f"{platform.machine()}-linux-gnu"
    folders = tuple(path for path in (multiarch, Path("/usr/lib64")) if path.is_dir())
    loader = {"x86_64": "/lib64/ld-linux-x86-64.so.2", "aarch64": "/lib/ld-linux-aarch64.so.1"}
    single = (Path(loader.get(platform.machine(), "/none")), *_libpython())
    places = tuple(path.parent.resolve() / path.name for path in single if path.is_file())
    return folders + tuple(place for place in places if place.parent not in folders)


def _libpython() -> tuple[Path, ...]:
    """Where the interpreter is built as a shared library, that library."""
    return tuple(sorted((Path(sys.base_prefix) / "lib").glob("libpython3*.so*")))
