"""Who has the ideas: proposers that see a briefing and answer with a recipe and what they expect of it."""
