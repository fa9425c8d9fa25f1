# attack: forks a helper that goes on working
# class: budget
# track: deep-mlp
# expect: rejected program-error
import os

if os.fork() == 0:
    while True:
        pass


def schedule(t):
    return 1.0
