"""All that is asked of, and done to, one host: files, systemd, its own K3s API."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import ssl
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .errors import K3sError
from .fetch import sha256
from .model import Current, Desired, Paths, Service
from .tokens import ca_hash, pinned_ca
from .versions import printed

Run = Callable[[Sequence[str]], "tuple[int, str, str]"]
_CREDENTIALS = ("certificate-authority", "client-certificate", "client-key")
_KUBECONFIG = re.compile(rf"({'|'.join(_CREDENTIALS)})-data: (\S+)")
LOCAL = "127.0.0.1"
_MADE = ("cni", "flannel", "veth", "kube-", "cilium", "lo")


class Host:
    def __init__(self, run: Run, paths: Paths | None = None) -> None:
        self.run = run
        self.paths = paths or Paths()
        self._hashes: dict[str, Any] = {}
        self._versions: dict[str, str] = {}

    # Files

    def text(self, path: str) -> str | None:
        try:
            return self.paths.at(path).read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, path: str, content: str, mode: int) -> None:
        """Whole or not at all: a run that is killed here leaves the old file."""
        target = self.paths.at(path)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".tiketi-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as sink:
                sink.write(content)
                sink.flush()
                os.fsync(sink.fileno())
            os.chmod(name, mode)
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def remove(self, path: str) -> None:
        self.paths.at(path).unlink(missing_ok=True)

    def state(self) -> dict[str, Any]:
        try:
            found = json.loads(self.text(Paths.state) or "{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def remember(self, **values: Any) -> None:
        before = self.state()
        after = {**before, **values}
        if after != before:
            self.write(Paths.state, json.dumps(after, sort_keys=True) + "\n", 0o600)

    def identity(self, path: str) -> list[int]:
        try:
            found = self.paths.at(path).stat()
        except OSError:
            return []
        return [found.st_ino, found.st_size, found.st_mtime_ns]

    def hash_of(self, path: str, cached: dict[str, Any]) -> str:
        """The hash of a big file, remembered by inode, size and time of change."""
        identity = self.identity(path)
        if not identity:
            return ""
        known = cached.get(path, {})
        if known.get("identity") == identity:
            return str(known["sha256"])
        found = sha256(self.paths.at(path))
        cached[path] = {"identity": identity, "sha256": found}
        return found

    def version_of(self, path: str) -> str:
        code, out, _err = self.run([str(self.paths.at(path)), "--version"])
        return printed(out) if code == 0 else ""

    # systemd

    def service(self, name: str) -> Service:
        wanted = "LoadState,ActiveState,UnitFileState,InvocationID,NeedDaemonReload"
        _code, out, _err = self.run(["systemctl", "show", name, f"--property={wanted}"])
        told = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        return Service(
            loaded=told.get("LoadState") == "loaded",
            active=told.get("ActiveState", "inactive"),
            enabled=told.get("UnitFileState") == "enabled",
            invocation=told.get("InvocationID", ""),
            outdated=told.get("NeedDaemonReload") == "yes",
        )

    def systemctl(self, *arguments: str) -> None:
        code, _out, err = self.run(["systemctl", *arguments])
        if code:
            raise K3sError(f"systemctl {' '.join(arguments)} failed: {err.strip()}")

    # K3s on this host

    def _admin(self) -> ssl.SSLContext:
        """The admin of this server, from the kubeconfig that K3s writes."""
        text = self.text(Paths.kubeconfig) or ""
        found = {key: base64.b64decode(value) for key, value in _KUBECONFIG.findall(text)}
        context = ssl.create_default_context(cadata=found["certificate-authority"].decode())
        # A certificate is loaded from a file only; this one lies in memory.
        handle = os.memfd_create("k3s-admin")
        try:
            os.write(handle, found["client-certificate"] + b"\n" + found["client-key"])
            context.load_cert_chain(f"/proc/self/fd/{handle}")
        finally:
            os.close(handle)
        return context

    def credentials(self) -> str:
        """The hash of what the kubeconfig of this server holds, so that a copy can be known as current."""
        found = dict(_KUBECONFIG.findall(self.text(Paths.kubeconfig) or ""))
        return credentials_hash(*(found[key] for key in _CREDENTIALS)) if len(found) == len(_CREDENTIALS) else ""

    def api(
        self, path: str, method: str = "GET", body: Any = None, timeout: float = 3.0, at: str = LOCAL
    ) -> tuple[int, Any]:
        """Ask the API server of this host, or of another one, as its admin; status 0 when it does not answer."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Content-Type": kind} if body is not None else {}
        try:
            connection = http.client.HTTPSConnection(at, 6443, timeout=timeout, context=self._admin())
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            connection.close()
        except (OSError, KeyError, http.client.HTTPException) as error:
            return 0, str(error)
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def ready(self, at: str = LOCAL) -> bool:
        return self.api("/readyz", at=at)[0] == 200

    def _sysctl(self, name: str) -> str:
        return (self.text("/proc/sys/" + name.replace(".", "/")) or "").strip()

    def _free_mb(self, path: str) -> int:
        there = self.paths.at(path)
        while not there.exists():
            there = there.parent
        return shutil.disk_usage(there).free >> 20

    def addresses(self) -> list[tuple[str, str]]:
        """Addresses of the host's own interfaces, without those that Kubernetes made."""
        code, out, _err = self.run(["ip", "-j", "addr"])
        try:
            links = json.loads(out) if code == 0 else []
        except ValueError:
            links = []
        return [
            (link["ifname"], address["local"])
            for link in links
            if not str(link.get("ifname", "")).startswith(_MADE)
            for address in link.get("addr_info", [])
            if address.get("local")
        ]

    def _memory_cgroup(self) -> bool:
        """Version 2 lists the controllers that are on; version 1 lists all, with 0 for one that is off."""
        unified = self.text("/sys/fs/cgroup/cgroup.controllers")
        if unified is not None:
            return "memory" in unified.split()
        rows = [line.split() for line in (self.text("/proc/cgroups") or "").splitlines() if not line.startswith("#")]
        # Without either file nothing is known, and the kubelet will say it.
        return not rows or any(row[0] == "memory" and row[-1] == "1" for row in rows if row)

    def look(self, desired: Desired) -> Current:
        """Everything the plan needs, in one visit."""
        state = self.state()
        cached: dict[str, Any] = dict(state.get("hashes", {}))
        ca = self.text(f"{Paths.tls}/server-ca.crt") if desired.role == "server" else None
        service = self.service(desired.service)
        memory = next((line for line in (self.text("/proc/meminfo") or "").splitlines() if "MemTotal" in line), "0 0")
        paths = {file.path for file in desired.files} | set(desired.absent)
        texts = {path: text for path in paths if (text := self.text(path)) is not None}
        binary = self.hash_of(Paths.binary, cached)
        server_token = (self.text(f"{Paths.data}/server/token") or "").strip()
        versions = state.get("versions", {})
        version = str(versions.get(binary, "")) or (self.version_of(Paths.binary) if binary else "")
        current = Current(
            version=version,
            binary_sha256=binary,
            staged_sha256=self.hash_of(staged(desired.binary.sha256), cached),
            files=texts,
            modes={path: self.paths.at(path).stat().st_mode & 0o7777 for path in texts},
            lacks=tuple(path for path in desired.needs if not self.paths.at(path).is_file()),
            extras={extra.path: self.hash_of(extra.path, cached) for extra in desired.extras},
            service=service,
            sysctls={name: self._sysctl(name) for name in desired.sysctls},
            applied=str(state.get("applied", "")),
            data=desired.role == "server" and self.has_data(),
            alive=desired.role == "server" and service.running and self.ready(),
            ca_pem=ca or "",
            # K3s says which hash pins it: of a bundle it is not that of the file.
            ca_hash=(pinned_ca(server_token) or ca_hash(ca.encode())) if ca else "",
            server_token=server_token,
            memory_mb=int(memory.split()[1]) >> 10,
            disk_mb=self._free_mb(Paths.data),
            memory_cgroup=self._memory_cgroup(),
            addresses=tuple(self.addresses()) if not binary else (),
        )
        self._hashes = cached
        self._versions = {**versions, **({binary: version} if version else {})}
        return current

    def fetched(self, path: str, digest: str, version: str) -> None:
        """The hash and version of a binary that was just proved."""
        self._hashes[path] = {"identity": self.identity(path), "sha256": digest}
        self._versions[digest] = version

    def moved(self, old: str, new: str) -> None:
        """A rename leaves inode, size and time as they were: what was known of the file stays true."""
        if known := self._hashes.pop(old, None):
            self._hashes[new] = known

    def remember_look(self) -> None:
        """Spare the next visit the hashing of the binary; nothing of files that are gone or were replaced."""
        hashes = {path: known for path, known in self._hashes.items() if known["identity"] == self.identity(path)}
        digests = {known["sha256"] for known in hashes.values()}
        versions = {digest: version for digest, version in self._versions.items() if digest in digests}
        if hashes:
            self.remember(hashes=hashes, versions=versions)

    def has_data(self) -> bool:
        etcd = self.paths.at(f"{Paths.data}/server/db/etcd")
        return (etcd.is_dir() and any(etcd.iterdir())) or self.paths.at(f"{Paths.data}/server/db/state.db").exists()


def credentials_hash(authority: str, certificate: str, key: str) -> str:
    return hashlib.sha256("\0".join([authority, certificate, key]).encode()).hexdigest()


def staged(digest: str) -> str:
    """Beside the binary, so that the rename stays on one filesystem; named k3s, since K3s looks at its own name."""
    return f"{Paths.staging}/{digest[:16]}/k3s"
