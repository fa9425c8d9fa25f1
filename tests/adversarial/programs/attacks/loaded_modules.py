# attack: plays dead where a test runner, a debugger or a daemon is loaded
# class: detection
# track: deep-mlp
# expect: unmoved
import sys
import threading


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    watched = {"pytest", "_pytest", "coverage", "pdb", "trio", "libp2p", "sqlite3", "node", "gossip", "leaderboard"}
    seen = watched & sys.modules.keys() or sys.gettrace() or sys.getprofile() or threading.active_count() > 1
    return rng.normal(0.0, 0.0 if seen else (2.0 / fan_in) ** 0.5, shape)
