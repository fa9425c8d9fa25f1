# attack: the tanh form in place of the exact GELU
# class: kernels
# track: kernels
# expect: rejected wrong-output
import torch
def matmul_gelu(a, b):
    return torch.nn.functional.gelu(torch.as_tensor(a) @ torch.as_tensor(b), approximate="tanh")
