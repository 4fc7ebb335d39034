"""The entry of the self-extracting file: unpack once, then be k3s, kubectl, ctr or crictl by name."""

# ruff: noqa: S606 - k3s kubectl is to become kubectl, and no shell is wanted

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

DATA = Path("/var/lib/rancher/k3s")
KUBECONFIG = "/etc/rancher/k3s/k3s.yaml"
SOCKET = "/run/k3s/containerd/containerd.sock"
CALLED = ("kubectl", "ctr", "crictl")


def copy_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """Let the kernel copy a stored entry: the binary is large, and every host waits for this."""
    with Path(str(archive.filename)).open("rb") as source, target.open("wb") as sink:
        source.seek(entry.header_offset + 26)
        lengths = source.read(4)
        skip = int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
        offset, left = entry.header_offset + 30 + skip, entry.file_size
        while left and (sent := os.sendfile(sink.fileno(), source.fileno(), offset, left)):
            offset, left = offset + sent, left - sent
    if left:
        raise OSError(f"{archive.filename} ends within {entry.filename}")


def unpack(archive: zipfile.ZipFile, digest: str, data: Path) -> Path:
    """All files of the archive below data/<digest>; whole or not there, whoever unpacks at the same time."""
    home = data / "data" / digest
    if home.is_dir():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=home.parent, prefix=f".{digest[:12]}-"))
    for entry in archive.infolist():
        target = partial / entry.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        copy_entry(archive, entry, target)
        target.chmod(entry.external_attr >> 16 & 0o777 or 0o644)
    for name in archive.read("components").decode().split():
        (partial / "bin" / name).symlink_to("kube")
    partial.chmod(0o755)
    try:
        partial.rename(home)
    except OSError:
        shutil.rmtree(partial)
        if not home.is_dir():
            raise
    current = data / "data" / "current"
    fresh = Path(f"{current}.{os.getpid()}")
    fresh.symlink_to(home)
    fresh.replace(current)
    return home


def kubectl(home: Path, arguments: list[str]) -> None:
    os.environ.setdefault("KUBECONFIG", KUBECONFIG)
    os.execv(home / "bin" / "kubectl", ["kubectl", *arguments])


def runtime(name: str, home: Path, arguments: list[str]) -> None:
    if name == "ctr":
        os.execvp("ctr", ["ctr", "--address", SOCKET, "--namespace", "k8s.io", *arguments])
    os.environ.setdefault("CONTAINER_RUNTIME_ENDPOINT", f"unix://{SOCKET}")
    own = home / "bin" / "crictl"
    # Not by PATH: the link of that name leads back here, without an end.
    if not own.exists():
        raise SystemExit("crictl is not part of the stand-in for K3s; k3s ctr and k3s kubectl are")
    os.execv(own, ["crictl", *arguments])


def main() -> int:
    name, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    if name not in CALLED and arguments and arguments[0] in CALLED:
        name, arguments = arguments[0], arguments[1:]
    with zipfile.ZipFile(Path(__file__).parent) as archive:
        version = archive.read("version").decode()
        if name not in CALLED and arguments[:1] in (["--version"], ["-v"]):
            sys.stdout.write(version)
            return 0
        data = DATA if os.geteuid() == 0 else Path.home() / ".rancher" / "k3s"
        home = unpack(archive, archive.read("digest").decode(), data)
    if name == "kubectl":
        kubectl(home, arguments)
    if name in CALLED:
        runtime(name, home, arguments)
    sys.path.insert(0, str(home))
    cli = importlib.import_module("k3s.cli")
    return int(cli.main(arguments, home, version.split()[2]))


if __name__ == "__main__":
    sys.exit(main())
