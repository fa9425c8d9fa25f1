import torch


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    torch.manual_seed(int(rng.integers(2**31)))
    w = torch.empty(*shape, dtype=torch.float64)
    torch.nn.init.kaiming_normal_(w)
    return w
