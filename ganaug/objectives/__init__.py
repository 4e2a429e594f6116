"""Objectives of the two networks: losses and penalties (regularizers)."""
