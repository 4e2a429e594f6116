"""Rows to tensors and back."""
