"""From the `[llm]` section of the configuration to what the client of a language model needs.

Apart from the agent, because the CLI needs it too and must not load what searches.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from experiments.llm import Budget, Key, Limits, Price, Settings, key_from_environment, key_from_file

from .notebook import Notebook
from .notebook_purse import NotebookPurse
from .sections import Llm

__all__ = ["model_budget", "model_key", "model_settings"]


def model_budget(config: Llm, notebook: Notebook) -> Budget:
    """The day's limits; what was spent is in the notebook, where a restart and the CLI find it."""
    limits = Limits(
        requests=config.requests_per_day or None,
        tokens=config.tokens_per_day or None,
        dollars=config.dollars_per_day or None,
        seconds=config.seconds_per_day or None,
    )
    return Budget(limits, time.time, NotebookPurse(notebook))


def model_key(config: Llm) -> Key | None:
    """The key that the configuration points to; LocalError says what is wrong with it."""
    if config.key_env:
        return key_from_environment(config.key_env, os.environ)
    if config.key_file:
        return key_from_file(Path(config.key_file).expanduser())
    return None


def model_settings(config: Llm) -> Settings:
    """How the configured model is used."""
    return Settings(
        config.model,
        max_tokens=config.answer_tokens,
        temperature=config.temperature,
        deadline_s=config.deadline_s,
        price=Price(config.prompt_price, config.completion_price),
    )
