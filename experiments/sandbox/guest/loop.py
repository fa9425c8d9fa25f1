"""What all host scripts of programs share: how one is loaded, how its answers are sent, how it fails.

`boot` loads this file before the walls close and hands it to the host script under its own name, so that
`from experiments.sandbox.guest.loop import ...` works there although nothing of the project is visible. Like
everything in here it is trusted by nobody once the candidate has been loaded: to share it costs no wall.

Requests are marshal tuples: ("load", arguments...) makes the host's object, later ones name its methods.
An answer is b"\\0" and arrays (dtype, dimensions, sizes, data), or b"\\1", a code and a reason.
"""

from __future__ import annotations

import marshal
import struct
import sys
import types

from numpy import ascontiguousarray, float64  # now: a program may put something else into NumPy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .boot import Channel

__all__ = ["WrongError", "failed", "names_of", "packed", "serve", "without_compiler"]

_ERROR_BYTES = 2000


class WrongError(Exception):
    """An answer that cannot be sent; the arguments are its code and the reason."""


def names_of(source: str) -> dict[str, Any]:
    """Run a program's text; the names that it leaves."""
    module = types.ModuleType("program")
    sys.modules["program"] = module  # where dataclasses and the like look a class's module up
    names: dict[str, Any] = module.__dict__
    exec(compile(source, "program.py", "exec", dont_inherit=True), names)  # noqa: S102 - what this process is for
    return names


def without_compiler() -> None:
    """Let torch run eagerly where a program asks for its compiler.

    The compiler starts processes and writes files, which nothing in here can. torch's optimizers and some of
    its settings load it only to be left alone by it. What it compiles computes the same without it.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return

    def same(function: Any = None, *_: Any, **__: Any) -> Any:
        return function

    def compile_(model: Any = None, **_: Any) -> Any:
        return same if model is None else model

    def part(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return same

    compiler = types.ModuleType("torch._dynamo")
    setattr(compiler, "__getattr__", part)  # noqa: B010 - a module's own hook, PEP 562
    sys.modules["torch._dynamo"] = compiler
    for name, value in (("_dynamo", compiler), ("compile", compile_)):
        setattr(torch, name, value)


def serve(channel: Channel, make: Callable[..., Any]) -> None:
    """Answer requests until the parent goes. `make` turns the arguments of "load" into the host's object."""
    held: Any = None
    while True:
        name, *arguments = marshal.loads(channel.read())  # noqa: S302 - the parent wrote it
        try:
            if name == "load":
                held = make(*arguments)
                answer = packed([])
            else:
                found = getattr(held, name)(*arguments)
                answer = found if type(found) is bytes else packed(found)
        except BaseException as error:  # noqa: BLE001 - a stranger's code may raise anything, also SystemExit
            answer = failed(error)
        channel.write(answer)


def packed(arrays: list[Any]) -> bytes:
    """An answer of float64 arrays."""
    parts = [b"\0", struct.pack("<B", len(arrays))]
    for array in arrays:
        whole = ascontiguousarray(array, float64)
        parts.append(struct.pack(f"<cB{whole.ndim}I", b"d", whole.ndim, *whole.shape))
        parts.append(whole.tobytes())
    return b"".join(parts)


def failed(error: BaseException) -> bytes:
    """The answer that says why there is no other."""
    try:
        if isinstance(error, WrongError):
            code, reason = error.args
        else:
            code = "memory-limit" if isinstance(error, MemoryError) else "program-error"
            reason = f"{type(error).__name__}: {error}"
        text = f"{code}\n{reason}"[:_ERROR_BYTES].encode("utf-8", "replace")
    except BaseException:  # noqa: BLE001 - an error's own text is a stranger's code as well
        text = b"program-error\nan error that cannot be shown"
    return b"\1" + text[:_ERROR_BYTES]
