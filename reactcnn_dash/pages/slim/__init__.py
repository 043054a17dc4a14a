"""The slim page: smaller networks made of a run's, measured, and made."""
