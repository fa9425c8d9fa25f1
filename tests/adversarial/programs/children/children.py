"""Fake children: what a candidate that has taken over its process may write to the pipe.

Each function answers every request after the first ("load") in its own way. The header of each says the code.
"""

import os
import struct
import time


def frame(channel, body):
    channel.write(body)


def arrays(*items):
    return b"\0" + struct.pack("<B", len(items)) + b"".join(items)


def array(code=b"d", shape=(400,), data=None):
    body = data if data is not None else b"\0" * 8 * 400
    return struct.pack(f"<cB{len(shape)}I", code, len(shape), *shape) + body


def giant_length(channel):  # bad-frame
    os.write(channel.writing, b"\xff\xff\xff\xff")
    time.sleep(60)


def truncated(channel):  # crashed
    os.write(channel.writing, b"\x40\0\0\0half")
    os._exit(0)


def empty(channel):  # bad-frame
    frame(channel, b"")


def garbage(channel):  # bad-frame
    frame(channel, os.urandom(64).replace(b"\0", b"x").replace(b"\1", b"x"))


def pickle_code(channel):  # wrong-dtype
    frame(channel, arrays(array(code=b"O")))


def text_code(channel):  # wrong-dtype
    frame(channel, arrays(array(code=b"U")))


def single_precision(channel):  # wrong-dtype
    frame(channel, arrays(array(code=b"f", data=b"\0" * 1600)))


def too_many(channel):  # bad-frame
    frame(channel, arrays(array(), array()))


def none_at_all(channel):  # bad-frame
    frame(channel, arrays())


def overflowing_shape(channel):  # wrong-shape
    frame(channel, arrays(array(shape=(0xFFFFFFFF,))))


def many_dimensions(channel):  # wrong-shape
    frame(channel, arrays(struct.pack("<cB", b"d", 255) + b"\0" * 3200))


def short_data(channel):  # bad-frame
    frame(channel, arrays(array(data=b"\0" * 16)))


def trailing_bytes(channel):  # bad-frame
    frame(channel, arrays(array(data=b"\0" * 3192)) + b"")


def not_a_number(channel):  # not-finite
    frame(channel, arrays(array(data=struct.pack("<d", float("nan")) * 400)))


def negative_infinity(channel):  # not-finite
    frame(channel, arrays(array(data=struct.pack("<d", float("-inf")) * 400)))


def unknown_code(channel):  # bad-frame
    frame(channel, b"\1promoted\nbecause I say so")


def forged_verdict(channel):  # bad-frame
    frame(channel, b"\1sandbox-refused\nnot my fault")


def terminal_escape(channel):  # program-error
    frame(channel, b"\1program-error\n\x1b]0;owned\x07\x1b[2J" + b"\xff" * 100)


def two_answers(channel):  # bad-frame
    body = arrays(array())
    one = struct.pack("<I", len(body)) + body
    os.write(channel.writing, one + one)  # in one piece: the second lies there before the next question
    time.sleep(60)


def drip(channel):  # time-limit
    os.write(channel.writing, struct.pack("<I", 3208))
    while True:
        os.write(channel.writing, b"x")
        time.sleep(0.2)


def closed_pipe(channel):  # crashed
    os.close(channel.writing)
    time.sleep(60)


def host(channel):
    name = channel.read().split(b"child: ")[1].split()[0].decode()
    frame(channel, arrays())
    while True:
        channel.read()
        globals()[name](channel)
