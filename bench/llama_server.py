"""Build the llama-server that the slow tests and the benchmark of the language-model client talk to.

    python bench/llama_server.py [--jobs N]     prints the path of the binary, building it first if need be

The source is the vendored llama.cpp in the sdist of llama-cpp-python (MIT), from the package index; it needs
a C++ compiler, cmake and ninja (both are Python packages) and about 7 minutes of one core. The binary is kept
in the user's cache under its version. `LLAMA_SERVER` names another one.

Where it cannot be built (no compiler, no network) it says so and exits with 1; the tests that need it skip.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import platformdirs

VERSION = "0.3.36"
FLAGS = (
    *("-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_C_FLAGS_RELEASE=-O1", "-DCMAKE_CXX_FLAGS_RELEASE=-O1"),
    *("-DGGML_NATIVE=OFF", "-DGGML_OPENMP=OFF", "-DBUILD_SHARED_LIBS=OFF", "-DLLAMA_CURL=OFF"),
    *("-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_UI=OFF"),
    *("-DLLAMA_USE_PREBUILT_UI=OFF", "-DLLAMA_OPENSSL=OFF", "-DLLAMA_BUILD_TOOLS=ON"),
)


def cached() -> Path:
    """Where the built binary is kept."""
    return Path(platformdirs.user_cache_dir("consilience")) / f"llama-server-{VERSION}"


def find() -> Path | None:
    """A binary that is there: named by LLAMA_SERVER, on the PATH, or in the cache."""
    named = os.environ.get("LLAMA_SERVER") or shutil.which("llama-server")
    if named and Path(named).is_file():
        return Path(named)
    return cached() if cached().is_file() else None


def build(jobs: int) -> Path:
    """Download, compile, keep. What was compiled before an interruption is not compiled again."""
    folder = cached().with_name(cached().name + ".build")
    source = folder / f"llama_cpp_python-{VERSION}" / "vendor" / "llama.cpp"
    made = folder / "made"
    if not source.is_dir():
        shutil.rmtree(folder, ignore_errors=True)  # an extraction that was interrupted is no source
        folder.mkdir(parents=True)
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "llama-cpp-python"]
        _run([*pip, f"llama-cpp-python=={VERSION}", "-d", folder / "sdist"])
        (sdist,) = folder.glob("sdist/*.tar.gz")
        with tarfile.open(sdist) as archive:
            archive.extractall(folder / "partial", filter="data")
        (folder / "partial" / source.parts[-3]).rename(source.parents[1])
    _run(["cmake", "-S", source, "-B", made, "-G", "Ninja", *FLAGS])
    _run(["cmake", "--build", made, "--target", "llama-server", "-j", str(jobs)])
    (binary,) = made.glob("bin/llama-server")
    shutil.copy2(binary, cached())
    shutil.rmtree(folder)
    return cached()


def _run(command: list[str | Path]) -> None:
    """Run a step; its chatter goes to stderr, so that stdout has the path alone."""
    try:
        subprocess.run(command, check=True, stdout=sys.stderr, env={**os.environ, "PATH": _path()})
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"llama-server cannot be built here: {error}") from None


def _path() -> str:
    """The search path with this environment's programs first: cmake and ninja may be Python packages."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1, help="compilers at a time")
    print(find() or build(parser.parse_args().jobs))
