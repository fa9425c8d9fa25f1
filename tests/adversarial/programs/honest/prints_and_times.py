import time
import warnings

START = time.time()
print('loading')


def schedule(t):
    warnings.warn('careful')
    print('t', t, time.time() - START)
    return 1.0
