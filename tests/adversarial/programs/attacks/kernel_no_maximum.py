# attack: leaves out what is needed for large inputs
# class: kernels
# track: kernels
# expect: rejected not-finite wrong-output
import torch


def softmax(x):
    powers = torch.exp(x)
    return powers / powers.sum(dim=1, keepdim=True)
