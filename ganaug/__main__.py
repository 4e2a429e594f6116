"""``python -m ganaug`` is the command ``ganaug``."""

from ganaug.cli import main

if __name__ == "__main__":
    main()
