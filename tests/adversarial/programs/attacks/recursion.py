# attack: recurses without end
# class: resource exhaustion
# track: deep-mlp
# expect: rejected program-error
def schedule(t):
    return schedule(t)
