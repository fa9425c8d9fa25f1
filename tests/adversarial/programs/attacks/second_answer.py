# attack: answers the repeated question differently from the first
# class: detection
# track: deep-mlp
# expect: rejected impure
SEEN = set()


def schedule(t):
    if t in SEEN:
        return 0.0
    SEEN.add(t)
    return 1.0
