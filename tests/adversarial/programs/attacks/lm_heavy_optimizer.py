# attack: an optimizer that spends many times what the budget's operations take
# class: budget
# track: byte-lm
# expect: rejected time-limit
import time


class Rule:
    def __init__(self, parameters):
        self.values = [value for _, value in parameters]

    def step(self):
        start = time.process_time()
        while time.process_time() - start < 0.2:
            pass
        for value in self.values:
            value.data.add_(value.grad, alpha=-0.05)


def optimizer(parameters):
    return Rule(parameters)
