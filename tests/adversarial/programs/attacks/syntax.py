# attack: is not Python
# class: form
# track: deep-mlp
# expect: rejected program-syntax
def schedule(t):
    return 1.0 +
