"""A guest that does what the parent names: the hostile half of the pipe, written as a peer."""

import os
import sys
import time


def flood(channel):
    os.write(channel.writing, b"\xff\xff\xff\xff" + b"x" * 1000)


def half(channel):
    os.write(channel.writing, b"\x10\x00\x00\x00half")
    os._exit(0)


def spin(channel):
    while True:
        pass


def sleep(channel):
    time.sleep(600)


def eat(channel):
    kept = []
    while True:
        kept.append(bytearray(1 << 20))


def shout(channel):
    for _ in range(1000):
        sys.stdout.write("val_loss: 0.0001\n" * 100)
        sys.stderr.write("val_loss: 0.0001\n" * 100)
    channel.write(b"quiet")


def fault(channel):
    import ctypes

    ctypes.string_at(0)


def deaf(channel):
    time.sleep(600)


def recurse(channel):
    recurse(channel)


def environment(channel):
    channel.write("\n".join(os.environ).encode())


def package(channel):
    found = []
    for name in ("numpy", "sklearn", "experiments", "pytest", "ssl"):
        try:
            __import__(name)
        except (ImportError, PermissionError):
            continue
        found.append(name)
    channel.write(" ".join(found).encode())


def helpers(channel):
    """What a program may do that is allowed tasks, and what it still may not."""
    import ctypes
    import socket
    import subprocess

    words = [
        subprocess.run(
            ["/bin/sh", "-c", "echo ran"], capture_output=True, text=True, check=True
        ).stdout.strip()
    ]
    try:
        socket.create_connection(("1.1.1.1", 53), 1)
    except OSError:
        words.append("no network")
    if ctypes.CDLL(None).ptrace(16, 1, 0, 0) != 0:
        words.append("no trace")
    try:
        os.close(os.open("/usr/consilience", os.O_CREAT | os.O_WRONLY))
    except OSError:
        words.append("no files")
    channel.write("; ".join(words).encode())


def nap(channel):
    time.sleep(0.02)
    channel.write(b"rested")


def work(channel):
    end = time.process_time() + 0.02
    while time.process_time() < end:
        pass
    channel.write(b"done")


def count(channel):
    """Burn processor time until the next frame would arrive."""
    channel.write(b"")
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        pass
    channel.write(channel.read())


def host(channel):
    while True:
        name = channel.read().decode()
        if name.startswith("say "):
            channel.write(name[4:].encode())
        else:
            globals()[name](channel)
