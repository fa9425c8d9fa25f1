# attack: logits that run code of their own whenever they are joined, converted or looked at
# class: metric channel
# track: byte-lm
# expect: no-better
import torch


class Lazy(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            out = function(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor) and not torch.is_grad_enabled():
            out = torch.full_like(out, 1e38) if out.dtype == torch.float64 else out.as_subclass(cls)
        return out


class Pairs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(256, 256))

    def forward(self, text):
        return self.table[text]


class Hidden(Pairs):
    def forward(self, text):
        return super().forward(text).as_subclass(Lazy) if not torch.is_grad_enabled() else super().forward(text)


def model(context):
    return Hidden()


def optimizer(parameters):
    return torch.optim.Adam([value for _, value in parameters], lr=0.1)
