"""Judges a Run: pure functions from its trials to ratios, intervals and verdicts."""
