"""Real architectures by every road, held against the frameworks themselves: see ``__main__``."""
