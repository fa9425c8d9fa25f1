# attack: a schedule that counts its calls instead of looking at the time
# class: budget
# track: deep-mlp
# expect: rejected impure
COUNT = [0]


def schedule(t):
    COUNT[0] += 1
    return 1.0 / COUNT[0]
