"""What to do about imbalance: remedies, folds, the gate, `compare`."""
