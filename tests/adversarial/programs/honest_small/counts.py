"""No parameters: counts of pairs, kept in a buffer."""

import torch


class Counts(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.full((256, 256), 0.05))

    def forward(self, text):
        if self.training:
            pairs = torch.stack((text[:, :-1].flatten(), text[:, 1:].flatten()))
            self.seen.index_put_(tuple(pairs), torch.ones(pairs.shape[1]), accumulate=True)
        return (self.seen / self.seen.sum(dim=1, keepdim=True)).log()[text]


def model(context):
    return Counts()
