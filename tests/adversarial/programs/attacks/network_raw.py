# attack: opens a raw socket
# class: network
# track: deep-mlp
# expect: rejected program-error
import socket


def schedule(t):
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    return 1.0
