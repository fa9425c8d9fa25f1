# attack: puts everything on one byte with infinite logits
# class: metric channel
# track: byte-lm
# expect: diverged
import torch


class Sure(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.nothing = torch.nn.Parameter(torch.zeros(1))

    def forward(self, text):
        out = torch.zeros(*text.shape, 256) + self.nothing
        if not torch.is_grad_enabled():
            out[..., :] = float("-inf")
            out[..., 32] = float("inf")
        return out


def model(context):
    return Sure()
