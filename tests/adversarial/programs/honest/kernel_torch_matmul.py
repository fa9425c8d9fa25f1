import torch


def matmul_gelu(a, b):
    z = torch.mm(a, b)
    return 0.5 * z * (1.0 + torch.erf(z * 0.7071067811865476))
