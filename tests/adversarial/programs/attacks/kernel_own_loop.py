# attack: answers the pipe with a loop of its own, which does less beside each call than the host's loop
# class: kernels
# track: kernels
# expect: even
import marshal
import os
import struct
import sys

import torch

frame = sys._getframe(2)
host = frame.f_locals["self"]
memory = host.memory
while "channel" not in frame.f_locals:
    frame = frame.f_back
channel = frame.f_locals["channel"]
reading, writing = channel.reading, channel.writing


def softmax(x):
    return torch.softmax(x, 1)


tasks = {"softmax": softmax}
torch.set_num_threads(1)
torch.set_grad_enabled(False)
whole = torch.frombuffer(memory, dtype=torch.float32)
head = b"\0\1d" + struct.pack("<BI", 1, 1)
os.write(writing, struct.pack("<I", 2) + b"\0\0")
while True:
    data = os.read(reading, 4096)
    if not data:
        os._exit(0)
    if len(data) == 4:
        data += os.read(reading, 4096)
    _, name, places, shape, _ = marshal.loads(data[4:])
    arrays = []
    for offset, sizes in places:
        n = 1
        for s in sizes:
            n *= s
        offset //= 4
        arrays.append(whole[offset : offset + n].view(sizes))
    result = tasks[name](*arrays)
    body = head + struct.pack("<d", result.data_ptr())
    os.write(writing, struct.pack("<I", len(body)) + body)
