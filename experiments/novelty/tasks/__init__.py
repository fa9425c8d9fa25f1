"""Tasks: fixed inputs, and what known techniques compute from them.

A piece of foreign code that computes the same from the same inputs *is* the technique, however it is written.
"""
