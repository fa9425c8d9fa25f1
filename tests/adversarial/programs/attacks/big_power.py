# attack: hides the work in one arithmetic operation
# class: budget
# track: deep-mlp
# expect: rejected time-limit memory-limit
# seconds: 2
def schedule(t):
    return float(len(str((7 ** 10_000_000) ** 50)))
