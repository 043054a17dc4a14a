"""Settings of the property-based tests."""

from hypothesis import settings

# A deadline is a timing assert: it fails for a busy machine, not for wrong code.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
