"""The live page: the network's answer to the current image, clusters, deviations, search."""
