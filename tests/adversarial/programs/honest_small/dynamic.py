"""Normalises by running statistics, drops units in training, ties its head: states that only training moves."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.read, self.mix = nn.Embedding(256, 48), nn.Linear(96, 48)
        self.norm, self.drop = nn.BatchNorm1d(48), nn.Dropout(0.1)

    def forward(self, text):
        seen = self.read(text)
        before = nn.functional.pad(seen, (0, 0, 1, 0))[:, :-1]
        mixed = self.mix(torch.cat((seen, before), dim=-1))
        mixed = self.norm(mixed.transpose(1, 2)).transpose(1, 2)
        return self.drop(torch.tanh(mixed)) @ self.read.weight.T


def model(context):
    return Net()


def optimizer(parameters):
    return torch.optim.NAdam([value for _, value in parameters], lr=0.01)
