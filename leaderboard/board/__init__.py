"""The board of a track: claims compared with one another, ranked, and shown.

Margins against the reference chain through opponents, the false-discovery bar separates what is confirmed,
ties go to the shorter recipe. Everything is a pure function of facts, policy and electorate.
"""
