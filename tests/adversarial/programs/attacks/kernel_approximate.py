# attack: computes the cheaper approximation of the function
# class: kernels
# track: kernels
# expect: rejected wrong-output
import torch


def matmul_gelu(a, b):
    return torch.nn.functional.gelu(a @ b, approximate="tanh")
