"""What modules that move or weigh a Redis are given alike. Their documentation is in doc_fragments/redis.py."""

from __future__ import annotations

from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import ENDPOINT_OPTIONS

_RULE: dict[str, dict[str, Any]] = {
    "keys": {"type": "str", "required": True, "no_log": False},
    "kind": {"type": "str", "required": True, "choices": ["state", "cache", "skip"]},
}
SOURCE_ARGUMENTS: dict[str, dict[str, Any]] = {
    "source": {"type": "dict", "required": True, "options": ENDPOINT_OPTIONS},
    "keys": {"type": "list", "elements": "dict", "options": _RULE, "default": [], "no_log": False},
    "copy_cache": {"type": "bool", "default": False},
}
