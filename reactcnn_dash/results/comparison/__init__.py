"""Two runs, or the epochs of an experiment, compared over the images that they have in common."""
