"""Labels and containers as users pass them in: pandas, NumPy, SciPy and polars."""
