"""The file format of saved models, and atomic writes."""
