"""Ablations and other research: run them from the repository, they are not installed."""
