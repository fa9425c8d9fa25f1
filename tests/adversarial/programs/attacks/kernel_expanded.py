# attack: computes one row and shows it for all of them, by a stride of zero
# class: kernels
# track: kernels
# expect: rejected wrong-output
import torch


def softmax(x):
    return torch.softmax(x[:1], dim=1).expand(x.shape)
