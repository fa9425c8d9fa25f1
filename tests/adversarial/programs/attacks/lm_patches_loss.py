# attack: replaces losses and soft maxima in its process, where none of them is the metric
# class: metric channel
# track: byte-lm
# expect: no-better
import torch

torch.nn.functional.cross_entropy = lambda logits, *_, **__: logits.sum() * 0
torch.log_softmax = torch.softmax = lambda x, *_, **__: x * 0


class Pairs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(256, 256))

    def forward(self, text):
        return self.table[text]


def model(context):
    return Pairs()


def optimizer(parameters):
    return torch.optim.Adam([value for _, value in parameters], lr=0.1)
