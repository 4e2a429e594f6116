"""``ganaug demo``: methods compared on data that ship with scikit-learn, with pictures."""
