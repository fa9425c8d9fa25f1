import numpy as np
import torch
def matmul_gelu(a, b):
    z = torch.addmm(torch.zeros(()), torch.as_tensor(a), torch.as_tensor(b))
    return z.mul(0.5).mul_(torch.special.erfc(z.mul(-0.7071067811865476)))
