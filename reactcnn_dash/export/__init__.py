"""A run taken out of the store: `files` writes it, `command` is the command line of both programs.

What is imported here loads at once; `files` takes a second, for pandas and Arrow.
"""

FORMATS = ("npz", "parquet", "graphml")
"""What a run can be written as."""


class ExportError(Exception):
    """The files cannot be written; the text says why and what to do."""
