# attack: raises an error with a message of a hundred megabytes
# class: resource exhaustion
# track: deep-mlp
# expect: rejected program-error
def schedule(t):
    raise ValueError("\x1b[2J" * 25_000_000)
