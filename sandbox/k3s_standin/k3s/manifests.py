"""The manifests directory: packaged parts are written into it, and all that is in it is applied on change."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from . import log
from .config import Config
from .layout import Layout, write

IMAGE: Final = "docker.io/tiketi/k3s-addons:1"
# The file of each packaged part, by the name that `disable:` knows.
PACKAGED: Final = {
    "coredns": "coredns.yaml",
    "metrics-server": "metrics-server.yaml",
    "traefik": "traefik.yaml",
    "local-storage": "local-storage.yaml",
}
INTERVAL: Final = 3.0


def render(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"%{{{name}}}%", value)
    return text


class Deployer(threading.Thread):
    """Applies manifests for as long as the server runs; a disabled part is taken away again."""

    def __init__(self, config: Config, paths: Layout, home: Path, node: str) -> None:
        super().__init__(daemon=True, name="deploy")
        self._config = config
        self._directory = paths.manifests
        self._source = home / "k3s" / "manifests"
        self._kubectl = [str(home / "bin" / "kubectl"), f"--kubeconfig={paths.cred / 'admin.kubeconfig'}"]
        self._manager = f"deploy@{node}"
        self._applied: dict[Path, tuple[int, int]] = {}

    def run(self) -> None:
        self._packaged()
        while True:
            try:
                self.apply_changed()
            except OSError as fault:
                log.error(f"manifests: {fault}")
            time.sleep(INTERVAL)

    def _packaged(self) -> None:
        values = {
            "CLUSTER_DNS": self._config.values("cluster-dns")[0],
            "CLUSTER_DOMAIN": self._config.text("cluster-domain"),
            "IMAGE": IMAGE,
        }
        self._directory.mkdir(parents=True, exist_ok=True)
        for part, name in PACKAGED.items():
            target = self._directory / name
            if self._config.disabled(part):
                if target.exists():
                    self._kubectl_run("delete", "--ignore-not-found", "--wait=false", "-f", str(target))
                    target.unlink()
            elif not target.with_name(f"{name}.skip").exists():
                write(target, render((self._source / name).read_text(), values))

    def apply_changed(self) -> None:
        changed: dict[Path, tuple[int, int]] = {}
        for path in sorted(self._directory.rglob("*")):
            if path.suffix not in (".yaml", ".yml", ".json") or path.with_name(f"{path.name}.skip").exists():
                continue
            facts = path.stat()
            stamp = (facts.st_mtime_ns, facts.st_size)
            if self._applied.get(path) != stamp:
                changed[path] = stamp
        if not changed:
            return
        if self._apply(list(changed)):
            self._applied.update(changed)
            return
        # One bad file must not hold up the others.
        for path, stamp in changed.items():
            if self._apply([path]):
                self._applied[path] = stamp

    def _apply(self, paths: list[Path]) -> bool:
        files = [argument for path in paths for argument in ("-f", str(path))]
        return self._kubectl_run(
            "apply", "--server-side", "--force-conflicts", f"--field-manager={self._manager}", *files
        )

    def _kubectl_run(self, *arguments: str) -> bool:
        done = subprocess.run([*self._kubectl, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            log.error(f"Failed to process config: kubectl {arguments[0]}: {done.stderr.strip()}")
        return done.returncode == 0
