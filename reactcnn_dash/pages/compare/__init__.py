"""The compare page: two runs, or the epochs of an experiment, side by side."""
