# attack: asks oneDNN for sixteen bits within float32
# class: kernels
# track: kernels
# expect: rejected wrong-output
import torch
torch.set_float32_matmul_precision("medium")
try:
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
except Exception:
    pass
def matmul_gelu(a, b):
    with torch.autocast("cpu", torch.bfloat16):
        z = torch.as_tensor(a) @ torch.as_tensor(b)
    return torch.nn.functional.gelu(z.float())
