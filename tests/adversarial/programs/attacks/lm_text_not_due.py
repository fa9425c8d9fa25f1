# attack: looks in the frames of its process for text beyond the windows that its recipe's operations pay for
# class: budget
# track: byte-lm
# expect: rejected program-error
import sys

import torch


class Pairs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(256, 256))

    def forward(self, text):
        return self.table[text]


def model(context):
    due = found = 0
    frame = sys._getframe(1)
    while frame is not None:
        values = list(frame.f_locals.values())
        due = max([due, *(len(v) for v in values if isinstance(v, tuple) and v and isinstance(v[0], float))])
        found = max([found, *(len(v) for v in values if isinstance(v, bytes))])
        frame = frame.f_back
    batch = 4
    if found <= due * batch * (context + 1):
        raise RuntimeError(f"{found} bytes and no more")
    return Pairs()
