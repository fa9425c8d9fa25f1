# attack: ignores every signal and goes on
# class: budget
# track: deep-mlp
# expect: rejected time-limit
# seconds: 2
import signal

for number in signal.valid_signals():
    try:
        signal.signal(number, lambda *a: None)
    except (OSError, ValueError):
        pass


def schedule(t):
    while True:
        pass
