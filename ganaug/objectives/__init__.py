"""What the two networks are trained for: losses and regularizers."""
