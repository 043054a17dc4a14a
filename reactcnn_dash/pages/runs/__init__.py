"""The runs of a store: listed, edited and deleted, on the page and by commands."""
