# attack: sleeps instead of answering
# class: budget
# track: deep-mlp
# expect: rejected time-limit
# seconds: 2
import time


def schedule(t):
    time.sleep(1e6)
    return 1.0
