import torch
def layer_norm(x, weight, bias):
    x, weight, bias = map(torch.as_tensor, (x, weight, bias))
    var, mean = torch.var_mean(x, dim=1, correction=0, keepdim=True)
    return torch.addcmul(bias, (x - mean) * torch.rsqrt(var + 1e-5), weight)
