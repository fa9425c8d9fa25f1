# attack: puts itself in front of every later import
# class: leakage
# track: deep-mlp
# expect: rejected program-error
import sys, importlib.abc, types
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        raise ImportError(name)
sys.meta_path.insert(0, Finder())
for name in list(sys.modules):
    if name.startswith(("json", "struct", "os.")):
        sys.modules[name] = types.ModuleType(name)
import builtins
builtins.__import__ = lambda *a, **k: types.ModuleType("none")

def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.standard_normal(shape) * (2.0 / fan_in) ** 0.5
