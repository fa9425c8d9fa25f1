import enum
from typing import NamedTuple, Optional
class Mode(enum.Enum):
    IN = "fan_in"
    OUT = "fan_out"
class Layer(NamedTuple):
    fan_in: int
    fan_out: int = 1
    mode: Mode = Mode.IN
    def scale(self) -> float:
        return (2.0 / getattr(self, self.mode.value)) ** 0.5
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    l: Layer = Layer(fan_in=fan_in, fan_out=fan_out)
    return rng.standard_normal(shape) * l.scale()
