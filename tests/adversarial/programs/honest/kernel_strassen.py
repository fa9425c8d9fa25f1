import torch
def strassen(a, b, depth):
    n, k = a.shape; m = b.shape[1]
    if depth == 0 or n % 2 or k % 2 or m % 2:
        return a @ b
    h, i, j = n // 2, k // 2, m // 2
    a11, a12, a21, a22 = a[:h, :i], a[:h, i:], a[h:, :i], a[h:, i:]
    b11, b12, b21, b22 = b[:i, :j], b[:i, j:], b[i:, :j], b[i:, j:]
    c = torch.empty(n, m, dtype=a.dtype)
    c[:h, :j] = a11 @ b11 + a12 @ b21
    c[:h, j:] = a11 @ b12 + a12 @ b22
    c[h:, :j] = a21 @ b11 + a22 @ b21
    c[h:, j:] = a21 @ b12 + a22 @ b22
    return c
def matmul_gelu(a, b):
    return torch.nn.functional.gelu(strassen(torch.as_tensor(a), torch.as_tensor(b), 1))
