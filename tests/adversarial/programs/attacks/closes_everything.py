# attack: closes the pipe to its parent and goes on
# class: metric channel
# track: deep-mlp
# expect: rejected crashed bad-frame
# seconds: 2
import os

os.closerange(0, 256)


def schedule(t):
    return 1.0
