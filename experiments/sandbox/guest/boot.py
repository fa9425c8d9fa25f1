"""First code in a confined process: takes the parent's orders, locks itself in, then runs the host script.

Runs as a script under `python -I -S -B`, and imports nothing of the project: the project's files are not
visible in here. It is our code, trusted until the last line of `main`; from then on the process belongs to
the candidate and the parent believes nothing that it says.

argv: descriptor to read, descriptor to write, path of `loop.py`, path of the host script, which defines
`host(channel)` and may import the former by its full name. The first frame is the parent's orders (marshal,
from the parent and so trusted). The answer to it is one empty frame: locked in.
A frame is a 4-byte little-endian length and that many bytes.
"""

from __future__ import annotations

import ctypes
import importlib
import marshal
import os
import resource
import struct
import sys
import types

TYPE_CHECKING = False  # as in typing, whose import would cost time in every start
if TYPE_CHECKING:
    from typing import Any

_NR_LANDLOCK = (444, 445, 446)  # create_ruleset, add_rule, restrict_self: the same on every architecture
_NR_SECCOMP = {"x86_64": 317, "aarch64": 277}
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SIGKILL = 9

libc = ctypes.CDLL(None, use_errno=True)


class Channel:
    """Frames to and from the parent: one system call each, unless they are long, for some calls are timed."""

    def __init__(self, reading: int, writing: int) -> None:
        self.reading, self.writing = reading, writing
        self.ahead = b""  # what was read of the next frame

    def read(self) -> bytes:
        data = self.ahead or self._more()
        while len(data) < 4:
            data += self._more()
        end = 4 + int.from_bytes(data[:4], "little")
        if (missing := end - len(data)) > 0:
            parts = [data]
            while missing > 0:
                parts.append(self._more())
                missing -= len(parts[-1])
            data = b"".join(parts)
        self.ahead = data[end:]
        return data[4:end]

    def write(self, body: bytes) -> None:
        data = struct.pack("<I", len(body)) + body
        done = os.write(self.writing, data)
        while done < len(data):
            done += os.write(self.writing, memoryview(data)[done:])

    def _more(self) -> bytes:
        part = os.read(self.reading, 1 << 16)  # what a pipe holds
        if not part:
            os._exit(0)  # the parent has gone, or has had enough
        return part


def check(outcome: int, what: str) -> int:
    """The outcome of a C call; OSError if it failed, for a step that failed must never be skipped."""
    if outcome < 0:
        raise OSError(ctypes.get_errno(), what)
    return outcome


def limit(orders: dict[str, Any]) -> None:
    """Resource limits, soft and hard alike; the address space is what is in use now plus the allowance."""
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: orders["files"],
        resource.RLIMIT_CPU: orders["cpu"],
    }
    if not orders["tasks"]:
        with open("/proc/self/statm", "rb") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
        limits |= {resource.RLIMIT_FSIZE: 0, resource.RLIMIT_AS: used + orders["memory"]}
    for kind, value in limits.items():
        resource.setrlimit(kind, (value, value))


def landlock(attributes: tuple[int, ...], paths: tuple[tuple[str, int], ...]) -> None:
    """Give up every file right except those on `paths`."""
    ruleset_attr = struct.pack(f"<{len(attributes)}Q", *attributes)
    size = ctypes.c_size_t(len(ruleset_attr))
    ruleset = check(libc.syscall(_NR_LANDLOCK[0], ruleset_attr, size, 0), "landlock_create_ruleset")
    for path, rights in paths:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("<Qi", rights, descriptor)  # struct landlock_path_beneath_attr, packed
        check(libc.syscall(_NR_LANDLOCK[1], ruleset, 1, rule, 0), "landlock_add_rule " + path)
        os.close(descriptor)
    check(libc.syscall(_NR_LANDLOCK[2], ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def seccomp(code: bytes) -> None:
    """Install the filter for this process and all it may start; there is no way back."""
    buffer = ctypes.create_string_buffer(code, len(code))
    fprog = struct.pack("<HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))  # struct sock_fprog
    check(libc.syscall(_NR_SECCOMP[os.uname().machine], 1, 0, fprog), "seccomp")


def lock_in(orders: dict[str, Any]) -> None:
    """Every wall, from the outermost in."""
    check(libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0), "prctl")
    limit(orders)
    check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    if orders["landlock"] is not None:
        landlock(*orders["landlock"])
    seccomp(orders["seccomp"])


def silence() -> None:
    """Nothing reads what is printed."""
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)


def shared(path: str) -> None:
    """Make a file of ours importable under the name by which type checkers know it."""
    module = types.ModuleType("experiments.sandbox.guest.loop")
    with open(path, "rb") as source:
        code = compile(source.read(), "loop", "exec")
    exec(code, module.__dict__)  # noqa: S102 - our own code
    sys.modules[module.__name__] = module


def main() -> None:
    channel = Channel(int(sys.argv[1]), int(sys.argv[2]))
    orders = marshal.loads(channel.read())  # noqa: S302 - the parent wrote it
    sys.path.extend(orders["path"])
    for name in orders["imports"]:
        importlib.import_module(name)
    if "numpy" in orders["imports"]:  # as for all programs; the probes do without
        shared(sys.argv[3])
    with open(sys.argv[4], "rb") as source:
        code = compile(source.read(), "host", "exec")
    silence()
    lock_in(orders)
    channel.write(b"")
    script: dict[str, Any] = {"__name__": "host"}
    exec(code, script)  # noqa: S102 - our own host script
    script["host"](channel)


if __name__ == "__main__":
    main()
