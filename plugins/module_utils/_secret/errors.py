"""The one exception of secrets. Its text never holds a value."""

from __future__ import annotations


class SecretError(Exception):
    """A secret that cannot be declared, read or written."""
