# attack: opens files until no descriptor is left
# class: resource exhaustion
# track: deep-mlp
# expect: rejected program-error
KEPT = []


def schedule(t):
    while True:
        KEPT.append(open("/dev/urandom", "rb"))
