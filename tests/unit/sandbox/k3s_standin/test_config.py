from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.k3s_standin.k3s import config, log


def load(
    tmp_path: Path, arguments: list[str], environment: dict[str, str] | None = None, verb: str = "server"
) -> config.Config:
    return config.load([*arguments, "--config", str(tmp_path / "config.yaml")], environment or {}, verb)


def test_flag_over_file_over_environment(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("token: file\nnode-name: from-file\ntls-san: [a, b]\n")
    found = load(tmp_path, ["--tls-san", "c", "--node-name=flag"], {"K3S_TOKEN": "env", "K3S_URL": "https://x:6443"})
    assert found.text("token") == "file"
    assert found.text("node-name") == "flag"
    assert found.values("tls-san") == ["c"]
    assert found.text("server") == "https://x:6443"


def test_directory_later_wins_and_plus_appends(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("node-label: [a=1]\nnode-taint: x=y:NoSchedule\n")
    directory = tmp_path / "config.yaml.d"
    directory.mkdir()
    (directory / "20.yaml").write_text("node-label+: [c=3]\nnode-taint: z=z:NoExecute\n")
    (directory / "10.yaml").write_text("node-label+: [b=2]\n")
    found = load(tmp_path, [])
    assert found.values("node-label") == ["a=1", "b=2", "c=3"]
    assert found.values("node-taint") == ["z=z:NoExecute"]


def test_unknown_key_of_a_file_is_skipped_but_an_unknown_flag_ends_k3s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text("no-such-thing: 1\ncluster-init: true\n")
    assert load(tmp_path, []).flag("cluster-init")
    assert "Unknown flag --no-such-thing" in capsys.readouterr().err
    with pytest.raises(log.FatalError, match="not defined: -no-such-thing"):
        load(tmp_path, ["--no-such-thing"])


@pytest.mark.parametrize("key", ["cluster-cidr", "no-such-thing"])
def test_an_agent_ends_at_a_key_that_it_does_not_know(tmp_path: Path, key: str) -> None:
    (tmp_path / "config.yaml").write_text(f"server: https://x:6443\n{key}: x\n")
    with pytest.raises(log.FatalError, match=f"flag provided but not defined: -{key}"):
        load(tmp_path, [], verb="agent")
    assert load(tmp_path, []).text("server") == "https://x:6443"


def test_broken_yaml_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("a: [")
    with pytest.raises(log.FatalError, match=r"config\.yaml"):
        load(tmp_path, [])


def test_token_file_and_its_absence(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    found = load(tmp_path, [f"--token-file={tmp_path / 'token'}"])
    assert found.secret("token") == "secret"
    with pytest.raises(log.FatalError, match="missing"):
        load(tmp_path, [f"--token-file={tmp_path / 'missing'}"]).secret("token")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"disable": ["traefik,servicelb"]}, {"disable": ["servicelb", "traefik"]}, True),
        ({"disable": ["traefik"]}, {}, False),
        ({"secrets-encryption": True}, {}, False),
        ({"cluster-cidr": ["10.42.0.0/16"]}, {}, True),
        ({"node-label": ["a=b"], "tls-san": ["x"]}, {}, True),
    ],
)
def test_critical_values(one: dict[str, config.Value], other: dict[str, config.Value], same: bool) -> None:
    assert (config.Config(one).critical() == config.Config(other).critical()) is same


def test_component_flags_let_the_user_replace_a_default() -> None:
    found = config.component_flags(
        {"profiling": "false", "client-cert-auth": ""},
        ["profiling=true", "admission-control-config-file=/a=b", "v=2", "feature-gates=A=true", "feature-gates=B=true"],
    )
    assert found == [
        "--profiling=true",
        "--client-cert-auth",
        "--admission-control-config-file=/a=b",
        "--v=2",
        "--feature-gates=A=true",
        "--feature-gates=B=true",
    ]
