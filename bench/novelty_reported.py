"""What the famous network's reported kinds of mutation come out as: `python bench/novelty.py --table`.

Each kind as a claim and the change that makes it, written as anybody would.  The table stands in README.md,
and a test holds it to what the checker says now.
"""

from __future__ import annotations

from experiments.novelty.artefact import Query
from experiments.novelty.checker import Checker

__all__ = ["REPORTED", "reported_table"]

REPORTED: tuple[tuple[str, str, str], ...] = (
    ("learning-rate tuning", "raise the learning rate", "-lr = 3e-4\n+lr = 1e-3"),
    ("context length", "train on longer sequences", "-seq_len = 256\n+seq_len = 512"),
    ("extended training", "train for longer", "-max_steps = 2000\n+max_steps = 6000"),
    ("weight decay", "more weight decay", "-weight_decay = 0.01\n+weight_decay = 0.1"),
    ("batch size", "a larger batch", "-batch_size = 32\n+batch_size = 64"),
    ("wider models", "a wider model", "-d_model = 128\n+d_model = 256"),
    ("Kaiming init", "", "-w.normal_(0, 0.02)\n+w.normal_(0, (2.0 / w.shape[1]) ** 0.5)"),
    ("init scale", "", "-init_std = 0.02\n+init_std = 0.01"),
    ("Xavier init", "", "+a = math.sqrt(6.0 / (w.shape[0] + w.shape[1]))\n+w.uniform_(-a, a)\n+"),
    (
        "RMSNorm",
        "",
        "-x = F.layer_norm(x, x.shape[-1:])\n+x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)",
    ),
    ("tied embeddings", "", "+self.head.weight = self.wte.weight\n+"),
    (
        "gradient clipping",
        "",
        " loss.backward()\n+g = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n+",
    ),
    (
        "rotary positions",
        "",
        "+a, b = q.chunk(2, -1)\n+q = torch.cat([a * cos - b * sin, a * sin + b * cos], -1)\n",
    ),
)


def reported_table(checker: Checker) -> str:
    """The table in Markdown."""
    lines = ["| reported as a discovery | comes out as | how sure | source |", "|---|---|---|---|"]
    for name, claim, code in REPORTED:
        verdict = checker.check(Query(claim=claim, code=code))
        sure = verdict.strength.value if verdict.strength else "a setting"
        lines.append(f"| {name} | {verdict.headline} | {sure} | {verdict.citation} |")
    return "\n".join(lines)
