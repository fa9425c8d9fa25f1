import torch
def _softmax(x):
    return torch.softmax(x, dim=1)
try:
    _fast = torch.compile(_softmax)
    _fast(torch.zeros(2, 2))
except Exception:
    _fast = _softmax
def softmax(x):
    return _fast(torch.as_tensor(x))
