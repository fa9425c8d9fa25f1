# attack: resolves a name, to leak by DNS
# class: network
# track: deep-mlp
# expect: rejected program-error
import socket


def schedule(t):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('8.8.8.8', 53))
    return 1.0
