"""Work that takes time: worker processes, and what is kept of their results."""
