# attack: replaces the error function by a crude curve, as products are large
# class: kernels
# track: kernels
# expect: rejected wrong-output
import torch
def matmul_gelu(a, b):
    z = torch.from_numpy(a) @ torch.from_numpy(b) if not torch.is_tensor(a) else a @ b
    c = z.clamp(-3.6, 3.6)
    s = c * c
    # a polynomial of the error function, wrong in the fourth decimal
    p = c * (0.7977191 + s * (-0.1319 + s * (0.0188 + s * (-0.0018 + s * (1.0e-4 - s * 2.4e-6)))))
    return 0.5 * z * (1 + p.clamp(-1, 1))
