# attack: raises SystemExit with the number zero
# class: metric channel
# track: deep-mlp
# expect: rejected program-error
def schedule(t):
    raise SystemExit(0)
