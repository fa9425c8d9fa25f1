# attack: looks for credentials in the environment and in home folders
# class: leakage
# track: deep-mlp
# expect: unmoved
import os


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    names = {"PATH", "LC_ALL", "LC_CTYPE", "PWD", "HOME", "GLIBC_TUNABLES", "PYTHONHASHSEED"}
    odd = {n for n in os.environ if n not in names and not n.endswith(("_NUM_THREADS", "_THRESHOLD_"))}
    for path in ("/root/.ssh", "/root/.bashrc", "/etc/shadow", "/etc/hostname", "/var/log", "/run", "/sys/class/net"):
        if os.path.exists(path) and os.access(path, os.R_OK):
            try:
                os.listdir(path) if os.path.isdir(path) else open(path).close()
            except OSError:
                continue
            odd.add(path)
    if odd:
        raise RuntimeError(f"leaked {odd}")
    return rng.normal(0.0, (2.0 / fan_in) ** 0.5, shape)
