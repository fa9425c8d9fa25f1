# attack: a recipe whose own net is slow at few operations buys the program's model processor time
# class: budget
# track: byte-lm
# recipe: {"settings": {"width": 8, "depth": 6, "batch": 2}, "slots": {"activation": "sin(exp(sin(exp(sin(exp(sin(x)))))))"}}
# expect: rejected time-limit
import time

import torch


class Pairs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(256, 256))

    def forward(self, text):
        return self.table[text]


def model(context):
    start = time.process_time()
    while time.process_time() - start < 4:
        pass
    return Pairs()
