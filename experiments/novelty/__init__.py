"""The novelty checker: recognise a known technique by what it says, how it is written and what it does."""
