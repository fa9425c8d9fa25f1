# attack: connects to the internet
# class: network
# track: deep-mlp
# expect: rejected program-error
import socket


def schedule(t):
    socket.create_connection(('1.1.1.1', 53), 1)
    return 1.0
