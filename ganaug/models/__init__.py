"""What table, image and pair models have in common."""
