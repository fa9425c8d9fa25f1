# attack: signals every process that it may
# class: resource exhaustion
# track: deep-mlp
# expect: rejected program-error
import os
import signal

os.kill(os.getppid() or 1, signal.SIGKILL)
os.kill(-1, signal.SIGKILL)


def schedule(t):
    return 1.0
