"""What the module shows of what it was given."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.tiketi.platform.plugins.modules import k3s_node

URLS = {
    "urls": ["https://bucket/k3s?X-Amz-Signature=canary-one"],
    "credential_provider": {"urls": ["https://bucket/ecr?X-Amz-Signature=canary-two#amd64"], "sha256": "b" * 64},
    "images": [{"url": "https://bucket/images.tar?X-Amz-Signature=canary-three", "sha256": "c" * 64}],
}


def test_signatures_are_neither_logged_nor_returned(
    params: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda _self, msg, **_more: logged.append(str(msg)))
    given = {key: value for key, value in params.items() if key != "skew"}
    monkeypatch.setattr(k3s_node, "visit", lambda _host, seen, _check: {"changed": False, "told": str(seen["urls"])})
    with patch_module_args({**given, **URLS}), pytest.raises(SystemExit):
        k3s_node.main()
    shown = capsys.readouterr().out + str(logged)
    assert "https://bucket/k3s?" in shown
    assert "canary" not in shown
