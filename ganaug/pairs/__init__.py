"""Pairs of images, from their containers to a saved model."""
