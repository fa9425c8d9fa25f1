# attack: computes on in a thread
# class: budget
# track: deep-mlp
# expect: rejected program-error
import threading


def spin():
    while True:
        pass


threading.Thread(target=spin, daemon=True).start()


def schedule(t):
    return 1.0
