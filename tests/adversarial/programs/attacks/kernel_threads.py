# attack: takes all processors
# class: kernels
# track: kernels
# expect: rejected crashed program-error
import torch


def matmul_gelu(a, b):
    torch.set_num_threads(8)
    return torch.nn.functional.gelu(a @ b)
