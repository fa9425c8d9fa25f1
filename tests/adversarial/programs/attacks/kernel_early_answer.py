# attack: answers before it has worked
# class: kernels
# track: kernels
# expect: rejected wrong-output not-finite bad-frame outside-clock
import os
import stat
import struct

import torch


def topk(x):
    for fd in range(3, 32):
        try:
            if stat.S_ISFIFO(os.fstat(fd).st_mode):
                os.write(fd, struct.pack("<I", 2) + b"\0\0")
        except OSError:
            pass
    return torch.topk(x, 16, dim=1).values
