# attack: starts a pool of processes
# class: budget
# track: deep-mlp
# expect: rejected program-error
import multiprocessing

POOL = multiprocessing.get_context("fork").Pool(8)


def schedule(t):
    return 1.0
