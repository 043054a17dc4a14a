"""Models of several frameworks behind one protocol: images in, probabilities and taps out."""
