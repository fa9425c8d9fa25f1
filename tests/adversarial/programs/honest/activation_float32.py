import torch
def activation(x):
    return torch.nn.functional.gelu(x.float()).double()
