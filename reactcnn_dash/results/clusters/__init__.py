"""The clusters of a layer's filters: over a whole run, or over some of its images."""
