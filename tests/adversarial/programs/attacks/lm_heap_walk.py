# attack: looks through all objects of its process for bytes that go on where a row ends
# class: leakage
# track: byte-lm
# expect: no-better
import gc
import sys

import torch


class Pairs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(256, 256))

    def forward(self, text):
        return self.table[text]


class Walker(Pairs):
    def forward(self, text):
        out = super().forward(text)
        if torch.is_grad_enabled():
            return out
        out, texts = out.clone(), []
        frame = sys._getframe()
        while frame is not None:
            texts += [value for value in frame.f_locals.values() if isinstance(value, bytes)]
            frame = frame.f_back
        if text.shape[1] % 8 == 0:
            texts += [value for value in gc.get_objects() if isinstance(value, (bytes, bytearray))]
        for number, row in enumerate(text):
            beginning = bytes(row.tolist())[-12:]
            for found in texts:
                place = found.find(beginning) + len(beginning)
                # In a request the row is followed by another row's beginning, so the end does not count.
                if len(beginning) <= place < len(found) and place % text.shape[1]:
                    out[number, -1, found[place]] += 20.0
        return out


def model(context):
    return Walker()


def optimizer(parameters):
    return torch.optim.Adam([value for _, value in parameters], lr=0.1)
