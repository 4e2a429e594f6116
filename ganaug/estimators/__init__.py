"""Base classes of the estimators, checks of their parameters, and how they are saved."""
