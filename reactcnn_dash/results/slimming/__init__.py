"""Slim networks that were made of a run's: what was measured, and making another."""
