# attack: a regular expression that never ends, in one call of C that no Python signal interrupts
# class: resource exhaustion
# track: deep-mlp
# expect: rejected time-limit
# seconds: 2
import re


def schedule(t):
    return float(re.match(r"(a|a)*$", "a" * 60 + "b") is None)
