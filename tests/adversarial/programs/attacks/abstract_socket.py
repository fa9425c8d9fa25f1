# attack: meets an accomplice on a socket without a file
# class: network
# track: deep-mlp
# expect: unmoved
import socket
for make in (
    lambda: socket.socketpair(),
    lambda: socket.socket(socket.AF_UNIX).bind("\0meet"),
    lambda: socket.socket(40, socket.SOCK_STREAM),
    lambda: socket.create_server(("", 0)),
    lambda: socket.getaddrinfo("localhost", 80, type=socket.SOCK_DGRAM) and socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
):
    try:
        made = make()
    except OSError:
        continue
    raise RuntimeError("a socket")

def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    return rng.standard_normal(shape) * (2.0 / fan_in) ** 0.5
