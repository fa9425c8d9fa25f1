# attack: defines nothing that the track asks for
# class: form
# track: deep-mlp
# expect: rejected program-slots
def optimiser(x):
    return x
