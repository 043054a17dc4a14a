"""Which image is odd, in which layer and by which filters: profiles of runs, scores of images."""
