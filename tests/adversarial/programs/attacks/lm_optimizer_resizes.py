# attack: an optimizer that gives back more parameters than it was given
# class: budget
# track: byte-lm
# expect: rejected wrong-shape bad-frame
import torch


class Rule:
    def __init__(self, parameters):
        self.values = [value for _, value in parameters]

    def step(self):
        for value in self.values:
            value.data = torch.zeros(2 * value.numel(), dtype=torch.float64)


def optimizer(parameters):
    return Rule(parameters)
