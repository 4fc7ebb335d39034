"""Snapshots of etcd: taken, listed, taken away, and a cluster made anew from one."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import Final

from . import etcd, log
from .layout import Layout, private_directory, write
from .pki import Store

RESET_DONE: Final = (
    "Managed etcd cluster membership has been reset, restart without --cluster-reset flag now. "
    "Backup and delete ${datadir}/server/db on each peer etcd server and rejoin the nodes"
)


class Snapshots:
    """The snapshot directory of one server."""

    def __init__(self, paths: Layout, store: Store, home: Path, directory: str = "") -> None:
        self._paths = paths
        self._store = store
        self._tool = str(home / "bin" / "etcd-snapshot")
        self.directory = Path(directory) if directory else paths.snapshots

    def save(self, name: str) -> Path:
        if not etcd.has_data(self._paths):
            raise log.FatalError("etcd datastore is not here: snapshots are taken on a server")
        private_directory(self.directory)
        node = etcd.node_of(etcd.member_name(self._paths, "node"))
        target = self.directory / f"{name}-{node}-{int(time.time())}"
        store = self._store
        key = str(store.path("etcd/client", "key"))
        client = [f"--cacert={store.path('etcd/server-ca')}", f"--cert={store.path('etcd/client')}", f"--key={key}"]
        self._run("save", *client, str(target))
        target.chmod(0o600)
        return target

    def all(self) -> list[Path]:
        if not self.directory.is_dir():
            return []
        return sorted(path for path in self.directory.iterdir() if path.is_file() and not path.name.endswith(".part"))

    def find(self, name: str) -> Path:
        path = Path(name) if "/" in name else self.directory / name
        if not path.is_file():
            raise log.FatalError(f"snapshot {name} does not exist: {path}")
        return path

    def delete(self, name: str) -> None:
        self.find(name).unlink()

    def prune(self, prefix: str, keep: int) -> list[Path]:
        old = [path for path in self.all() if path.name.startswith(f"{prefix}-")]
        old.sort(key=lambda path: path.stat().st_mtime)
        gone = old[: max(0, len(old) - keep)]
        for path in gone:
            path.unlink()
        return gone

    def restore(self, name: str, address: str) -> None:
        """Put the datastore of the snapshot in the place of the old one, which is kept aside."""
        source = self.find(name)
        member = etcd.member_name(self._paths, "node")
        old = Path(f"{self._paths.etcd}-old-{int(time.time())}")
        fresh = Path(f"{self._paths.etcd}-restored")
        shutil.rmtree(fresh, ignore_errors=True)
        peer = f"https://{address}:{etcd.PEER_PORT}"
        self._run("restore", f"--name={member}", f"--peer-url={peer}", f"--data-dir={fresh}", str(source))
        self._paths.etcd.rename(old)
        fresh.rename(self._paths.etcd)
        self._paths.etcd.chmod(0o700)
        write(self._paths.etcd / "name", member)
        write(self._paths.etcd / "clustered", "")
        log.info(f"Pre-restore etcd database moved to {old}")

    def _run(self, *arguments: str) -> None:
        done = subprocess.run([self._tool, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise log.FatalError(f"etcd-snapshot {arguments[0]}: {done.stderr.strip().splitlines()[-1:]}")
