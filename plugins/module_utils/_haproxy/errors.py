"""The one exception type of everything that talks to HAProxy."""

from __future__ import annotations


class ProxyError(Exception):
    """What went wrong, and how to mend it, in one sentence for a person."""
