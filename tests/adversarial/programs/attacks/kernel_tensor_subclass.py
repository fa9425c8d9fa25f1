# attack: a tensor subclass that intercepts every function
# class: kernels
# track: kernels
# expect: rejected program-error
import torch
class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return True
def cumsum(x):
    return torch.zeros(tuple(x.shape)).as_subclass(Liar)
