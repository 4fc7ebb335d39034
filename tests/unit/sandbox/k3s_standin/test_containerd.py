from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.k3s_standin.k3s import containerd, log
from sandbox.k3s_standin.k3s.config import Config
from sandbox.k3s_standin.k3s.layout import Layout


def test_mirror_becomes_hosts_toml_with_the_registry_itself_as_fallback() -> None:
    found = containerd.hosts({"mirrors": {"docker.io": {"endpoint": ["http://10.0.0.1:5000"]}}}, fallback=True)
    assert found == {
        "docker.io": 'server = "https://registry-1.docker.io"\n'
        '[host."http://10.0.0.1:5000/v2"]\ncapabilities = ["pull", "resolve"]\n'
    }


def test_fallback_can_be_switched_off_and_star_is_default() -> None:
    mirrors = {"mirrors": {"*": {"endpoint": ["https://m/v2/proxy"]}, "r.io": {"endpoint": ["https://m"]}}}
    found = containerd.hosts(mirrors, fallback=False)
    assert set(found) == {"_default", "r.io"}
    assert "server =" not in found["r.io"]
    assert "override_path = true" in found["_default"]


def test_tls_of_an_endpoint() -> None:
    settings = {"r.io": {"tls": {"ca_file": "/ca", "cert_file": "/c", "key_file": "/k"}}}
    found = containerd.hosts({"configs": settings}, fallback=True)
    assert '[host."https://r.io/v2"]' in found["r.io"]
    assert 'ca = "/ca"' in found["r.io"]
    assert 'client = [["/c", "/k"]]' in found["r.io"]


def test_credentials_are_in_the_configuration_that_is_private() -> None:
    text = containerd.configuration(
        Config(), Layout(Path("/d")), {"configs": {"r.io": {"auth": {"username": "u", "password": 'p"q'}}}}
    )
    assert '.registry.configs."r.io".auth]' in text
    assert 'password = "p\\"q"' in text


@pytest.mark.parametrize("content", ["a: [", "mirror: {}", "- x"])
def test_bad_registries_file_names_itself(tmp_path: Path, content: str) -> None:
    path = tmp_path / "registries.yaml"
    path.write_text(content)
    with pytest.raises(log.FatalError, match=r"registries\.yaml"):
        containerd.read_registries(path)
