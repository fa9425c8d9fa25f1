# attack: writes the answers to all questions at once, before any of them was asked
# class: metric channel
# track: byte-lm
# expect: rejected bad-frame
import sys

import torch


class Pairs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(256, 256))

    def forward(self, text):
        return self.table[text]


def model(context):
    frame = sys._getframe(1)
    while "channel" not in frame.f_locals:
        frame = frame.f_back
    channel = frame.f_locals["channel"]
    channel.write(b"\0\0")
    channel.write(b"\0\0")
    return Pairs()
