"""Trials in warm worker processes, with everything that could be cheated on kept in the parent.

`exam` is what goes over and what stays, `device` runs one trial at a time in one worker, `measure` pairs
candidate and opponent over seeds, `worker` is the child's entry point, `link` its other end, `frames` what
the two say to each other, and `processes` ends a whole process tree.
"""
