"""Shapes of MiniStack's EC2 handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Params = Mapping[str, Any]  # as parsed from the query: a list of one string a key
Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[Params], Response]
Instance = dict[str, Any]
