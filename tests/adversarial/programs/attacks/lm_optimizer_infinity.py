# attack: an optimizer that gives back infinity and NaN
# class: metric channel
# track: byte-lm
# expect: diverged
class Rule:
    def __init__(self, parameters):
        self.values = [value for _, value in parameters]

    def step(self):
        for number, value in enumerate(self.values):
            value.data[:] = float("nan") if number % 2 else float("inf")


def optimizer(parameters):
    return Rule(parameters)
