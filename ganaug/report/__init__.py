"""Whether synthetic rows or images are any good: figures beside what real ones get, and a page."""
