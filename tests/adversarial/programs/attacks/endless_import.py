# attack: works at import time without end
# class: budget
# track: deep-mlp
# expect: rejected time-limit
# seconds: 2
while True:
    pass


def schedule(t):
    return 1.0
