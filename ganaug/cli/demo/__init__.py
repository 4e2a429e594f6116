"""The command ``demo``: its data, the comparison, and the pictures."""
