# attack: reads address zero
# class: resource exhaustion
# track: deep-mlp
# expect: rejected crashed
import ctypes


def schedule(t):
    return ctypes.string_at(0)
