"""`python -P -m experiments.harness.probe`: prints the models of the CUDA cards that torch can use, as JSON.

A card counts if a small sum on it comes out right: a driver that is too old for torch, or a card that fell
off the bus, shows up here and not in the middle of a trial.
"""

from __future__ import annotations

import json

__all__ = ["cards", "main"]


def cards() -> list[str]:
    """Names of the cards that work, up to the first that does not (workers count from 0 without gaps)."""
    try:
        import torch
    except ImportError:
        return []
    names: list[str] = []
    for card in range(torch.cuda.device_count()):
        try:
            ones = torch.ones(64, device=f"cuda:{card}")
            if ones.sum().item() != 64.0:
                break
            names.append(torch.cuda.get_device_name(card))
        except RuntimeError:
            break
    return names


def main() -> None:
    """Print the list on one line."""
    print(json.dumps(cards()))


if __name__ == "__main__":
    main()
