"""The benchmarks know the version and the binary of K3s also where the sandbox takes the release itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import _values


def test_what_vars_yml_does_not_say_is_what_the_role_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_values, "SANDBOX", tmp_path)
    (tmp_path / "vars.yml").write_text("ec2_host_user: admin\n")
    found = _values.handed_over()
    assert found["k3s_common_version"].startswith("v1.")
    assert found["k3s_common_urls"][0].startswith("https://")
    (tmp_path / "vars.yml").write_text("k3s_common_version: v1.34.3+standin\nk3s_common_urls: [file:///opt/k3s]\n")
    assert _values.handed_over() == {"k3s_common_version": "v1.34.3+standin", "k3s_common_urls": ["file:///opt/k3s"]}
