"""Tables, from raw rows to a saved model."""
