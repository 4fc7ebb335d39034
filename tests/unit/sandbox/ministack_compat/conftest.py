"""MiniStack pins botocore, so it is not in the controller's environment: these run in its image (test_in_image.py)."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

collect_ignore_glob = [] if importlib.util.find_spec("ministack") else ["test_gap_*.py"]


def _forget() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in ("ministack", "docker")]:
        del sys.modules[name]
    for name in [name for name in sys.modules if name.startswith("sandbox.ministack_compat")]:
        del sys.modules[name]


@pytest.fixture
def emulator() -> Iterator[Callable[..., Any]]:
    """A fresh MiniStack module, with the named gaps closed: emulator("ec2", "console_output")."""
    _forget()

    def load(service: str, *gaps: str) -> Any:
        module = importlib.import_module(f"ministack.services.{service}")
        for gap in gaps:
            importlib.import_module(f"sandbox.ministack_compat.{gap}").apply()
        return module

    yield load
    _forget()


class Containers:
    """Stands for the engine: keeps what it was asked for."""

    def __init__(self, log: bytes = b"") -> None:
        self.asked: list[dict[str, Any]] = []
        self.removed: list[dict[str, Any]] = []
        self.log = log

    def get(self, name: str) -> Any:
        if not self.asked:
            raise KeyError(name)
        return self._container()

    def run(self, image: str, **options: Any) -> Any:
        self.asked.append({"image": image, **options})
        return self._container()

    def _container(self) -> Any:
        return SimpleNamespace(
            id="c0ffee", name="host", status="running", reload=lambda: None,
            attrs={"NetworkSettings": {"Networks": {"net": {"IPAddress": "10.89.64.9"}}}},
            exec_run=lambda *_args, **_options: SimpleNamespace(exit_code=0, output=b""),
            logs=lambda **_options: self.log,
            remove=lambda **options: self.removed.append(options),
        )  # fmt: skip


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Containers:
    monkeypatch.setenv("SANDBOX_SEED_DIR", str(tmp_path))
    monkeypatch.setenv("SANDBOX_PUBLIC_KEY", "ssh-ed25519 AAAA key")
    return Containers(b"booted\n")


def use(ec2: Any, engine: Containers) -> str:
    """Give the emulator the engine and register an image; the answer is the AMI's id."""
    image = SimpleNamespace(attrs={"Config": {"Entrypoint": ["/boot"]}})
    ec2._docker = SimpleNamespace(containers=engine, images=SimpleNamespace(get=lambda _name: image), ping=lambda: True)
    ec2._register_image({"Name": ["host"], "ImageLocation": ["localhost/host:current"]})
    return next(iter(ec2._images.keys()))
