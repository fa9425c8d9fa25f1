import numpy as np
import torch
def matmul_gelu(a, b):
    """Beyond 6 the GELU is its limit."""
    z = torch.as_tensor(a) @ torch.as_tensor(b)
    middle = z.abs() < 6
    out = z.clamp(min=0)
    out[middle] = torch.nn.functional.gelu(z[middle])
    return out
