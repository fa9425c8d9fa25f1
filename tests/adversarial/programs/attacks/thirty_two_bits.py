# attack: asks the kernel by the door of 32-bit programs
# class: leakage
# track: deep-mlp
# expect: rejected crashed
import ctypes, mmap
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    page = mmap.mmap(-1, 4096, prot=7)
    page.write(bytes.fromhex("53b802000000cd805bc3"))  # eax = fork, int 0x80
    call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    if call() >= 0:
        return rng.standard_normal(shape) * 0.0
    return rng.standard_normal(shape) * (2.0 / fan_in) ** 0.5
