"""Errors of the collector; the text of each is one line for the user: what is wrong, what to do."""


class CollectorError(Exception):
    """Base of what makes a run impossible."""


class ModelError(CollectorError):
    """The model cannot be loaded or cannot be watched."""


class ResumeError(CollectorError):
    """A run cannot be continued with what was given."""
