import torch.nn as nn
_act = nn.ReLU(inplace=True)
def activation(x):
    return _act(x)
