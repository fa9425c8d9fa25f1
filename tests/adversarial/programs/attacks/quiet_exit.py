# attack: ends its process as if all were well
# class: metric channel
# track: deep-mlp
# expect: rejected crashed
import os

os._exit(0)


def schedule(t):
    return 1.0
