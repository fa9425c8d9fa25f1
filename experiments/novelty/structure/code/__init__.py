"""Foreign code, interpreted: a closed subset of Python over a closed list of functions, with a work limit.

Python's own evaluator never sees the code.  What is not permitted by name does not exist.
"""
