"""Measures contenders: schedule, server, load and observation, driven by the runner, kept by the journal."""
