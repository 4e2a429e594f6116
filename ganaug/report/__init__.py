"""Quality reports: figures of synthetic rows or images beside those of real ones, and a page."""
