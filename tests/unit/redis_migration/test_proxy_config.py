"""Switching the active server in a configuration of HAProxy."""

from __future__ import annotations

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy import config
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.errors import ProxyError

TEXT = """global
    nbthread 1
backend other
    server old 10.0.0.1:1
    server new 10.0.0.2:1
backend redis
    # server new stands below
    server old 127.0.0.1:6379
    server new host:6379 ssl verify required disabled
"""


def test_there_and_back_is_the_same_text() -> None:
    assert config.active(TEXT, "redis") == "old"
    there = config.with_active(TEXT, "redis", "new")
    assert config.active(there, "redis") == "new"
    assert "    server old 127.0.0.1:6379 disabled\n" in there
    assert there.split("backend redis")[0] == TEXT.split("backend redis", maxsplit=1)[0]
    assert config.with_active(there, "redis", "new") == there
    assert config.with_active(there, "redis", "old") == TEXT


def test_a_backend_without_one_active_server_is_refused() -> None:
    with pytest.raises(ProxyError, match="one active server, it has old, new"):
        config.active(TEXT, "other")
    with pytest.raises(ProxyError, match="has no server elsewhere"):
        config.with_active(TEXT, "redis", "elsewhere")
