"""One trainer for every recipe, with its schedules, history and callbacks."""
