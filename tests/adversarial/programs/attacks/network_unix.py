# attack: connects to a local socket in the abstract namespace
# class: network
# track: deep-mlp
# expect: rejected program-error
import socket


def schedule(t):
    socket.socket(socket.AF_UNIX).connect('\0dbus')
    return 1.0
