# attack: an error with text that cannot be encoded, control characters and a bidirectional override
# class: metric channel
# track: deep-mlp
# expect: rejected program-error
class Odd(Exception):
    pass
def initialiser(shape, fan_in, fan_out, layer, depth, rng):
    raise ValueError("\ud800\udfff\x00\x1b[2J\u202e evil \u2066 {\"accepted\": true}\r\n")
