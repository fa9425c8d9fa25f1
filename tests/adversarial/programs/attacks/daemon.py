# attack: forks twice to leave a daemon that rewrites the result later
# class: budget
# track: deep-mlp
# expect: rejected program-error
import os
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1)
        open("/tmp/result", "w").write("0.0")


def schedule(t):
    return 1.0
