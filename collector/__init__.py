"""The collector: runs a Keras CNN over images and stores what its filters answer."""
