"""Images, from raw pixels to a saved model."""
