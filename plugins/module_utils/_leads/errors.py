"""What can be wrong with the files that say where applications are led."""

from __future__ import annotations


class LeadError(Exception):
    """The message names the file, says what is wrong, and how to mend it."""
