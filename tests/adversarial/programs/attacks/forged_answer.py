# attack: writes an answer of its own to the pipe before it is asked
# class: metric channel
# track: deep-mlp
# expect: rejected bad-frame
import os
import stat
import struct

for fd in range(3, 32):
    try:
        if stat.S_ISFIFO(os.fstat(fd).st_mode):
            os.write(fd, struct.pack("<I", 2) + b"\0\0")
    except OSError:
        pass


def schedule(t):
    return 1.0
