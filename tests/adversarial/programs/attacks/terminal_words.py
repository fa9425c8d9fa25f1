# attack: an error whose text drives the terminal of whoever reads the reason
# class: metric channel
# track: deep-mlp
# expect: rejected program-error


def schedule(t):
    raise RuntimeError("\x1b[2J\x1b]0;accepted\x07\raccepted: effect 9.9\u202e\x00")
