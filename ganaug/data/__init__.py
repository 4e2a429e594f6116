"""Labels, and containers that users pass: pandas, NumPy, SciPy and polars."""
