"""What is known: signed records, the set they form, and the standings computed from it.

Pure code: no I/O, no clock, no randomness. Time, randomness and keys are arguments.
"""
