"""A regular package: a process that a test spawns finds it before any ``tests`` of a dependency."""
