"""Runs recipes of deep-mlp under the kernel settings of this process; JSON in, JSON out.

in: {"threads": N, "mkldnn": bool, "recipes": [{...}, ...], "seeds": [...]}
out: [[[value, twin], ... per seed], ... per recipe], None for a diverged run
"""

import json
import sys

import torch

from experiments.harness.measure import TWIN_ULPS
from experiments.recipe import Recipe
from experiments.track import load_track
from experiments.tracks.deep_mlp import examiner, runner

request = json.load(sys.stdin)
torch.set_num_threads(request["threads"])
torch.backends.mkldnn.set_flags(request["mkldnn"])
track = load_track("deep-mlp")


def value(recipe, seed, ulps):
    exam = examiner.prepare(seed)
    answers = runner.run(recipe, seed, exam.inputs, lambda *_: None, ulps=ulps)
    return examiner.score(exam, answers)


recipes = [Recipe.from_payload(payload, track) for payload in request["recipes"]]
found = [
    [[value(recipe, seed, 0), value(recipe, seed, TWIN_ULPS)] for seed in request["seeds"]]
    for recipe in recipes
]
print(json.dumps(found))
