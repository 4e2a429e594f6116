"""Benchmarks: run them from the repository, they are not installed."""
