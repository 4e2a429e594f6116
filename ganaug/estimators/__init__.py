"""The private side of the scikit-learn estimators: parameters, gates, base classes, saving."""
