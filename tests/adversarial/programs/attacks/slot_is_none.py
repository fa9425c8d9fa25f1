# attack: defines a slot and takes it away again
# class: metric channel
# track: deep-mlp
# expect: rejected program-error
def schedule(t):
    return 1.0
del schedule
