# attack: keeps a cache between runs wherever it can write
# class: budget
# track: deep-mlp
# expect: unmoved
import os
import tempfile


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    for folder in ("/tmp", "/dev/shm", "/var/tmp", "/run", os.getcwd(), os.path.expanduser("~"), "/"):
        try:
            with open(os.path.join(folder, "cache"), "w") as file:
                file.write("x")
        except OSError:
            continue
        raise RuntimeError("wrote to " + folder)
    try:
        tempfile.TemporaryFile()
    except OSError:
        return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
    raise RuntimeError("a temporary file")
