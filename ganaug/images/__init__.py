"""Images, from their containers to a saved model."""
