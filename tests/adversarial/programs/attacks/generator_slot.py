# attack: a generator in place of a function
# class: metric channel
# track: deep-mlp
# expect: rejected wrong-dtype
def schedule(t):
    yield 1.0
