# attack: takes what follows a beginning in the other rows of its batch for what follows in this one
# class: leakage
# track: byte-lm
# expect: rejected foul
import torch


class Pairs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(256, 256))

    def forward(self, text):
        return self.table[text]


class Rows(Pairs):
    def forward(self, text):
        out = super().forward(text)
        if torch.is_grad_enabled():
            return out
        out, rows = out.clone(), text.tolist()
        for number, row in enumerate(rows):
            beginning = row[:-1]
            for other in rows[number + 1 :]:
                if other[:-1] == beginning:
                    out[number, -1, other[-1]] += 5.0
        return out


def model(context):
    return Rows()


def optimizer(parameters):
    return torch.optim.Adam([value for _, value in parameters], lr=0.1)
