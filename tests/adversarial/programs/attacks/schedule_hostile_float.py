# attack: a number that is another one each time it is asked
# class: metric channel
# track: deep-mlp
# expect: rejected wrong-dtype
class N:
    n = 0
    def __float__(self):
        N.n += 1
        return float(N.n)
    __index__ = None
def schedule(t):
    return N()
