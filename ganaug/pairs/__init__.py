"""Pairs of images, from raw pixels to a saved model."""
