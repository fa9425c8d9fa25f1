# attack: reads the environment, the memory and the files of other processes
# class: leakage
# track: deep-mlp
# expect: unmoved
import os


def readable(path):
    try:
        with open(path, "rb") as file:
            return file.read(64)
    except OSError:
        return b""


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    pids = {os.getppid(), 1, *range(2, 200)} - {0, os.getpid()}
    for pid in pids:
        for name in ("environ", "mem", "cmdline", "maps", "fd/0", "cwd/pyproject.toml"):
            if readable(f"/proc/{pid}/{name}"):
                raise RuntimeError("leaked " + name)
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
