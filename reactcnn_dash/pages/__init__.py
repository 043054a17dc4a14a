"""The pages: one package each, and what they share."""
