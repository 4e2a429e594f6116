"""Seeds, threads, memory and devices."""
