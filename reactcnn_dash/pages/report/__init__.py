"""A run, or two runs side by side, as one file that needs nothing else: a report to send."""
