"""Behaviour probes: run an artefact, measure what it does, and compare with reference implementations."""
