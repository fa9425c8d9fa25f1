# attack: asks the kernel for its interfaces
# class: network
# track: deep-mlp
# expect: rejected program-error
import socket


def schedule(t):
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
    return 1.0
