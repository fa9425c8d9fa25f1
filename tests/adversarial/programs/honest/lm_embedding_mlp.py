import torch
from torch import nn
class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(256, 16)
        self.mix = nn.GRU(16, 32, batch_first=True)
        self.head = nn.Linear(32, 256)
    def forward(self, ids):
        h, _ = self.mix(self.emb(ids))
        return self.head(h)
def model(context):
    return Tiny()
