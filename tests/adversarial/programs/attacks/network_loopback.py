# attack: talks to the daemon's API on the loopback
# class: network
# track: deep-mlp
# expect: rejected program-error
import socket


def schedule(t):
    socket.create_connection(('127.0.0.1', 7117), 1)
    return 1.0
