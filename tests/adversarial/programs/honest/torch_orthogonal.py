import torch


def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    torch.manual_seed(int(rng.integers(2**31)))
    return torch.nn.init.orthogonal_(torch.empty(*shape), gain=2**0.5)
