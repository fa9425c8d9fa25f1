# attack: adds noise to predictions, another one for every row: perhaps one is lucky
# class: statistics
# track: byte-lm
# expect: rejected foul
import torch


class Pairs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(256, 256))

    def forward(self, text):
        return self.table[text]


class Noisy(Pairs):
    def forward(self, text):
        out = super().forward(text)
        return out if torch.is_grad_enabled() else out + torch.randn_like(out) * 0.1


def model(context):
    return Noisy()


def optimizer(parameters):
    return torch.optim.Adam([value for _, value in parameters], lr=0.1)
