from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._container_image import containerfile, engine, ignore
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.api import Registry
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.apply import Result, ensure
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.errors import ImageError
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.model import Image, content_tag, parse
from moto import mock_aws

HOST = "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com"
REPOSITORY = f"{HOST}/tiketi/k3s/app"
PINNED = "registry.example/base@sha256:" + "1" * 64
# What a registry stores for an image: enough for ECR, which looks at nothing but the digest.
MANIFEST = '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {"size": 1}, "layers": [], "from": "%s"}'


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "src").mkdir(parents=True)
    (folder / "Containerfile").write_text(f"ARG BASE={PINNED}\nFROM ${{BASE}}\nCOPY src /src\n")
    (folder / ".containerignore").write_text("**/__pycache__\n*.log\n")
    (folder / "src" / "main.py").write_text("print(1)\n")
    return folder


def declared(context: Path, **changed: Any) -> dict[str, Any]:
    return {"name": "app", "context": str(context), "repository": REPOSITORY, "platform": "linux/amd64", **changed}


def image(context: Path, **changed: Any) -> Image:
    return parse([declared(context, **changed)])[0]


@pytest.mark.parametrize(
    ("rules", "path", "gone"),
    [
        ("*.log", "a.log", True),
        ("*.log", "src/a.log", False),
        ("**/*.log", "src/deep/a.log", True),
        ("**/*.log", "a.log", True),
        ("src", "src/deep/a.py", True),
        ("/src/", "src/a.py", True),
        ("src/?.py", "src/a.py", True),
        ("src/?.py", "src/ab.py", False),
        ("**\n!src/**/*.py", "src/a.py", False),
        ("**\n!src/**/*.py", "src/a.txt", True),
        ("**\n!src\nsrc/secret", "src/secret/key", True),
        ("# a.log\n\n", "a.log", False),
        ("a+b", "aab", False),
    ],
)
def test_ignore_rules(rules: str, path: str, gone: bool) -> None:
    assert ignore.ignored(path, ignore.parse(rules)) is gone


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ("FROM a:1", {}, ["a:1"]),
        ("ARG B=a:1\nFROM ${B} AS x\nFROM x\nCOPY --from=x / /", {}, ["a:1"]),
        ("ARG B='a:1'\nFROM $B", {"B": "b:2"}, ["b:2"]),
        ("ARG V=1\nFROM --platform=linux/amd64 a:${V} as Build\nFROM b\nFROM build", {}, ["a:1", "b"]),
        ("FROM ${B:-a:3}", {}, ["a:3"]),
        ("FROM a \\\n  AS x\nFROM scratch", {}, ["a"]),
        ("# FROM nothing\nFROM a\nARG B=2\nFROM a", {}, ["a"]),
    ],
)
def test_bases(text: str, arguments: dict[str, str], expected: list[str]) -> None:
    assert containerfile.bases(text, arguments) == expected


def write(path: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)

    return change


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda folder: (folder / "src" / "main.py").touch(), True),
        (write("src/__pycache__/main.pyc", "x"), True),
        (write("run.log", "x"), True),
        (write("src/main.py", "print(2)\n"), False),
        (write("src/more.py", ""), False),
        (lambda folder: (folder / "src" / "main.py").rename(folder / "src" / "moved.py"), False),
        (lambda folder: (folder / "src" / "main.py").chmod(0o755), False),
        (lambda folder: (folder / "link").symlink_to("src"), False),
        (write("Containerfile", f"FROM {PINNED}\nCOPY src /other\n"), False),
    ],
)
def test_the_tag_follows_the_content(context: Path, change: Callable[[Path], None], same: bool) -> None:
    before = content_tag(image(context), {})
    change(context)
    assert (content_tag(image(context), {}) == before) is same


def test_the_tag_does_not_follow_the_place_and_does_follow_the_rest(context: Path, tmp_path: Path) -> None:
    before = content_tag(image(context), {})
    shutil.copytree(context, tmp_path / "elsewhere")
    assert content_tag(image(tmp_path / "elsewhere", name="other"), {}) == before
    others = [
        content_tag(image(context, platform="linux/arm64"), {}),
        content_tag(image(context, build_args={"DEBUG": "1"}), {}),
        content_tag(image(context, build_args={"BASE": "localhost/base:1"}), {"localhost/base:1": "id-1"}),
        content_tag(image(context, build_args={"BASE": "localhost/base:1"}), {"localhost/base:1": "id-2"}),
    ]
    assert len({before, *others}) == 5


def test_every_fault_is_named(tmp_path: Path, context: Path) -> None:
    (tmp_path / "empty").mkdir()
    entries = [
        declared(tmp_path / "absent"),
        declared(tmp_path / "empty"),
        declared(context, name="third", repository="docker.io/library/x"),
        declared(context, name="fourth", repository=""),
    ]
    with pytest.raises(ImageError) as error:
        parse(entries)
    for part in ("app: declared twice", "is not a folder", "there is no", "third: repository", "fourth: no repository"):
        assert part in str(error.value)


class Commands:
    """The engine's command line: remembers what was asked, and pushes by putting a manifest into ECR."""

    def __init__(self, client: Any = None, failing: str = "") -> None:
        self.client, self.failing = client, failing
        self.asked: list[list[str]] = []
        self.logins: list[tuple[int, str]] = []

    def __call__(self, command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        self.asked.append(list(command))
        if "push" in command:
            self._push(command)
        failed = bool(self.failing) and self.failing in command
        return subprocess.CompletedProcess(command, int(failed), "one\ntwo\nthe reason" if failed else "id-1\n", None)

    def _push(self, command: Sequence[str]) -> None:
        file = Path(command[command.index("--authfile") + 1]) if "--authfile" in command else None
        file = file or Path(command[command.index("--config") + 1]) / "config.json"
        self.logins.append((stat.S_IMODE(file.stat().st_mode), str(file)))
        if self.client is not None:
            repository, _, tag = command[-1].removeprefix("docker://").partition("/")[2].partition(":")
            manifest = MANIFEST % repository
            self.client.put_image(repositoryName=repository, imageTag=tag, imageManifest=manifest)

    def verbs(self) -> list[str]:
        known = ("version", "inspect", "build", "push", "rmi", "tag")
        return [next(word for word in command if word in known) for command in self.asked]


@pytest.fixture
def client() -> Any:
    with mock_aws():
        ecr = boto3.client("ecr", "ap-northeast-2", aws_access_key_id="t", aws_secret_access_key="t")  # noqa: S106
        ecr.create_repository(repositoryName="tiketi/k3s/app", imageTagMutability="IMMUTABLE")
        ecr.create_repository(repositoryName="tiketi/k3s/web")
        yield ecr


def go(images: list[Image], client: Any, commands: Commands, name: str = "podman", check_mode: bool = False) -> Result:
    options = engine.Options(network="host", ca_bundle="/ca.pem")
    return ensure(images, Registry(client), lambda: engine.Engine(name, commands), options, check_mode=check_mode)


@pytest.mark.parametrize("name", engine.ENGINES)
def test_built_once_and_then_not_again(context: Path, client: Any, name: str) -> None:
    commands = Commands(client)
    images = parse([declared(context), declared(context, name="web", repository=f"{HOST}/tiketi/k3s/web")])

    foreseen = go(images, client, commands, name, check_mode=True)
    assert (foreseen.changed, commands.asked) == (True, [])
    assert foreseen.images["app"].startswith(f"{REPOSITORY}:content-")

    first = go(images, client, commands, name)
    assert commands.verbs() == ["build", "push", "push", "rmi"]
    assert (first.changed, first.built) == (True, ["app"])
    assert first.images["app"].startswith(f"{REPOSITORY}@sha256:")
    assert first.images["web"].startswith(f"{HOST}/tiketi/k3s/web@sha256:")
    assert first.diff["after"].count("content-") == 2

    commands.asked.clear()
    again = go(images, client, commands, name)
    assert (again.changed, again.built, again.images) == (False, [], first.images)
    assert commands.asked == []
    assert again.diff == {"before": "", "after": ""}


def test_the_credential_is_in_a_private_file_for_the_time_of_the_push(context: Path, client: Any) -> None:
    commands = Commands(client)
    go([image(context)], client, commands)
    token = client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    ((mode, path),) = commands.logins
    assert mode == 0o600
    assert not Path(path).parent.exists()
    assert token not in str(commands.asked)


def test_a_failed_build_says_why_and_leaves_nothing(context: Path, client: Any) -> None:
    commands = Commands(client, failing="build")
    with pytest.raises(ImageError, match="building app with exit code 1:\none\ntwo\nthe reason"):
        go([image(context)], client, commands)
    assert commands.verbs() == ["build", "rmi"]


def test_a_push_that_lost_a_race_takes_what_the_other_pushed(context: Path, client: Any) -> None:
    result = go([image(context)], client, Commands(client, failing="push"))
    assert result.images["app"].startswith(f"{REPOSITORY}@sha256:")
    (context / "src" / "main.py").write_text("print(3)\n")
    with pytest.raises(ImageError, match="pushing"):
        go([image(context)], client, Commands(None, failing="push"))


def test_a_repository_that_is_not_there(context: Path, client: Any) -> None:
    homeless = image(context, repository=f"{HOST}/tiketi/k3s/absent")
    with pytest.raises(ImageError, match=r"no repository tiketi/k3s/absent.*role ecr_repository"):
        go([homeless], client, Commands(client))
    assert go([homeless], client, Commands(client), check_mode=True).changed


def test_a_base_without_digest_is_warned_of(context: Path, client: Any) -> None:
    result = go([image(context, build_args={"BASE": "docker.io/library/python:3.12"})], client, Commands(client))
    assert "python:3.12 has no digest" in result.warnings[0]
    local = go([image(context, build_args={"BASE": "localhost/python:3.11"})], client, Commands(client))
    assert local.warnings == []


@pytest.mark.parametrize(
    ("installed", "failing", "expected"),
    [
        (("podman", "docker"), "", "podman"),
        (("docker",), "", "docker"),
        ((), "", "podman is not installed; docker is not installed"),
        (("docker",), "version", "podman is not installed; docker does not work: the reason"),
    ],
)
def test_the_engine_is_found_by_looking(installed: tuple[str, ...], failing: str, expected: str) -> None:
    def which(name: str) -> str | None:
        return f"/usr/bin/{name}" if name in installed else None

    try:
        found = engine.find("auto", Commands(failing=failing), which).name
    except ImageError as error:
        found = str(error)
    assert expected in found


def test_where_ecr_names_another_host_the_push_goes_there(context: Path, client: Any) -> None:
    commands = Commands()
    engine.Engine("podman", commands).push(f"{REPOSITORY}:t", engine.Access("dG9rZW4=", "10.0.0.1:4566"))
    assert commands.asked[0][-2:] == [f"{REPOSITORY}:t", "docker://10.0.0.1:4566/tiketi/k3s/app:t"]
    assert Registry(client).access().host == ""
