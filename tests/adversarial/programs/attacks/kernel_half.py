# attack: computes in sixteen bits
# class: kernels
# track: kernels
# expect: rejected wrong-output
import torch


def matmul_gelu(a, b):
    return torch.nn.functional.gelu(a.bfloat16() @ b.bfloat16()).float()
