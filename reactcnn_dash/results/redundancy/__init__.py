"""Which filters of a run's network are redundant: a report worked out once, stored, and shown."""
