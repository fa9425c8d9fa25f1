# attack: fills a dictionary with keys of one hash
# class: resource exhaustion
# track: deep-mlp
# expect: rejected time-limit
# seconds: 2


class Same:
    def __hash__(self):
        return 1


def schedule(t):
    return float(len({Same(): None for _ in range(10**6)}))
