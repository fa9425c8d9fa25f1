import torch

activation = torch.nn.LeakyReLU(0.2)
