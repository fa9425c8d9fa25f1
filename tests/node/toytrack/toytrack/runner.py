"""The worker's half: a point, seen through the noise that the seed draws."""

import numpy as np


def run(recipe, seed, inputs, progress, ulps=0):
    progress(1, 1)
    point = np.array([recipe.number("x"), recipe.number("y")]) * (1.0 + ulps * 2.0**-52)
    return {"point": point + inputs["noise"]}
