import os
os.environ["OMP_NUM_THREADS"] = "1"
import torch
torch.set_num_threads(1)
torch.set_flush_denormal(True)
torch.manual_seed(0)
torch.set_grad_enabled(False)
def softmax(x): return torch.softmax(torch.as_tensor(x), -1)
