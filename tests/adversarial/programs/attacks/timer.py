# attack: asks the kernel to call it back later
# class: budget
# track: deep-mlp
# expect: rejected program-error
import signal

signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)


def schedule(t):
    return 1.0
