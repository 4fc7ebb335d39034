from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox import images, k3s
from sandbox.k3s_standin import build
from sandbox.settings import DIGEST_LABEL, Paths


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "image"
    (folder / "files").mkdir(parents=True)
    (folder / "Containerfile").write_text("FROM x\n")
    (folder / "files" / "script").write_text("#!/bin/sh\n")
    return folder


def digest(source: Path, parent: str = "p") -> str:
    return images.digest_of(parent, {"": source})


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "Containerfile").write_text("FROM y\n"),
        lambda folder: (folder / "files" / "script").chmod(0o755),
        lambda folder: (folder / "files" / "script").rename(folder / "files" / "other"),
        lambda folder: (folder / "files" / "more").touch(),
    ],
)
def test_the_digest_follows_every_input(source: Path, change: Callable[[Path], Any]) -> None:
    before = digest(source)
    assert digest(source) == before
    assert digest(source, parent="other") != before
    change(source)
    assert digest(source) != before


def test_the_digest_does_not_follow_what_python_leaves(source: Path) -> None:
    before = digest(source)
    (source / "__pycache__").mkdir()
    (source / "__pycache__" / "x.pyc").touch()
    assert digest(source) == before


class Engine:
    """Knows images by their digest, and remembers builds."""

    def __init__(self) -> None:
        self.images: dict[str, str] = {"parent": "1"}
        self.contexts: list[list[str]] = []

    def inspect(self, _kind: str, name: str) -> dict[str, Any] | None:
        return {"Id": name} if name in self.images else None

    def run(self, *words: Any, check: bool = True) -> CompletedProcess[str]:
        if words[:2] == ("image", "inspect"):
            known = self.images.get(words[-1])
            return CompletedProcess([], 0 if known else 1, f"{known}\n", "")
        if words[0] == "build":
            label = next(word for word in words if str(word).startswith(DIGEST_LABEL))
            self.images[words[words.index("--tag") + 1]] = label.partition("=")[2]
            self.contexts.append(sorted(str(path.relative_to(words[-1])) for path in Path(words[-1]).rglob("*")))
        return CompletedProcess([], 0, "", "")


def test_an_image_is_built_once_and_again_when_its_parent_changes(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "IMAGE_SOURCES", source.parent)
    (tmp_path / "extra.txt").touch()
    image = images.Image("image", "parent", extra={"added": tmp_path / "extra.txt"})
    engine: Any = Engine()
    assert images.ensure(engine, image, "parent", lambda _text: None)
    assert engine.contexts == [["Containerfile", "added", "files", "files/script"]]
    assert not images.ensure(engine, image, "parent", lambda _text: None)
    engine.images["parent"] = "2"
    assert images.ensure(engine, image, "parent", lambda _text: None)


def test_every_image_has_a_source_and_a_parent_that_comes_before() -> None:
    known = {"base"}
    for image in [*images.FIXED, images.host(None)]:
        assert (image.source / "Containerfile").exists()
        assert image.parent in known
        known.add(image.name)


def test_the_release_is_taken_where_it_is_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(k3s, "release_reached", lambda: True)
    monkeypatch.setattr(k3s.importlib, "import_module", lambda _name: pytest.fail("the stand-in must not be built"))
    chosen = k3s.source(Paths(root=tmp_path, cache=tmp_path), lambda _text: None)
    assert (chosen.artifact, dict(chosen.variables)) == (None, {})
    assert "release" in chosen.description


def test_the_stand_in_brings_the_plugin_that_pulls_from_ecr(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("k3s", "images", "provider"):
        (tmp_path / name).write_text(name)
    built = build.Artifact(
        tmp_path / "k3s", "1" * 64, "v1.34.4+k3s1", tmp_path / "images", "2" * 64, tmp_path / "provider", "3" * 64
    )
    monkeypatch.setattr(k3s, "release_reached", lambda: False)
    monkeypatch.setattr(k3s.importlib, "import_module", lambda _name: SimpleNamespace(build=lambda *_: built))
    chosen = k3s.source(Paths(root=tmp_path, cache=tmp_path), lambda _text: None)
    provider = chosen.variables["k3s_common_credential_provider"]
    assert chosen.artifact is not None
    assert (chosen.artifact / provider["urls"][0].rpartition("/")[2]).read_text() == "provider"
    assert list(provider["sha256"].values()) == ["3" * 64]
