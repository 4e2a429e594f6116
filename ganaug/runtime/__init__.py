"""Seeds, threads, memory, devices, and private parts of other libraries."""
