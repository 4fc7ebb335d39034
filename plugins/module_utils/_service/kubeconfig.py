"""A kubeconfig to what a connection needs: address, verified TLS, who we are.

The `kubernetes` package would do as well, but takes 1.7 s to import on two cores, more than a whole run that changes nothing.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import KubeconfigError

_EXEC_TIMEOUT = 60


@dataclass(frozen=True)
class Endpoint:
    host: str
    port: int
    path: str
    server_name: str
    tls: ssl.SSLContext
    token: str = ""

    @property
    def address(self) -> str:
        return f"https://{self.host}:{self.port}"


def _named(config: Mapping[str, Any], kind: str, name: str, where: str) -> dict[str, Any]:
    for entry in config.get(f"{kind}s") or []:
        if entry.get("name") == name:
            return dict(entry.get(kind) or {})
    known = ", ".join(str(entry.get("name")) for entry in config.get(f"{kind}s") or []) or "none"
    raise KubeconfigError(f"{where} has no {kind} {name!r}; it has {known}")


def _bytes(entry: Mapping[str, Any], key: str, folder: Path) -> bytes:
    if data := entry.get(f"{key}-data"):
        return base64.b64decode(data)
    if path := entry.get(key):
        return (folder / str(path)).read_bytes()
    return b""


def _exec_token(user: Mapping[str, Any], where: str) -> str:
    """Ask a credential plugin, as EKS wants it (`aws eks get-token`)."""
    plugin = user["exec"]
    extra = {str(item["name"]): str(item["value"]) for item in plugin.get("env") or []}
    command = [str(plugin["command"]), *map(str, plugin.get("args") or [])]
    try:
        done = subprocess.run(
            command, env={**os.environ, **extra}, capture_output=True, text=True, timeout=_EXEC_TIMEOUT, check=True
        )
        return str(json.loads(done.stdout)["status"]["token"])
    except subprocess.CalledProcessError as error:
        raise KubeconfigError(f"{where}: {command[0]} gave no token: {error.stderr.strip()[-500:]}") from error
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
        raise KubeconfigError(f"{where}: {command[0]} gave no token: {type(error).__name__}") from error


def _token(user: Mapping[str, Any], folder: Path, where: str) -> str:
    if "exec" in user:
        return _exec_token(user, where)
    if path := user.get("tokenFile"):
        return (folder / str(path)).read_text(encoding="utf-8").strip()
    return str(user.get("token") or "")


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path, where: str) -> ssl.SSLContext:
    if cluster.get("insecure-skip-tls-verify"):
        raise KubeconfigError(f"{where} asks not to verify the server; name its certificate-authority instead")
    authority = _bytes(cluster, "certificate-authority", folder).decode()
    context = ssl.create_default_context(cadata=authority or None)
    # K3s and kubeadm issue CAs without the key usage extension that Python 3.13 insists upon.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    certificate, key = _bytes(user, "client-certificate", folder), _bytes(user, "client-key", folder)
    if certificate and key:
        # ssl reads a key from files only; this one is 0600 and gone at once.
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(certificate + b"\n" + key)
            pem.flush()
            context.load_cert_chain(pem.name)
    return context


def load(path: str, context: str = "") -> Endpoint:
    """Read the endpoint of a context (by default the current one) of a kubeconfig file."""
    where, folder = f"kubeconfig {path}", Path(path).parent
    try:
        config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        name = context or str(config.get("current-context") or "")
        chosen = _named(config, "context", name, where)
        cluster = _named(config, "cluster", str(chosen.get("cluster")), where)
        user = _named(config, "user", str(chosen.get("user")), where)
        url = urlsplit(str(cluster.get("server")))
        if url.scheme != "https" or not url.hostname:
            raise KubeconfigError(f"{where}: the server {cluster.get('server')!r} is not an https address")
        return Endpoint(
            host=url.hostname,
            port=url.port or 443,
            path=url.path.rstrip("/"),
            server_name=str(cluster.get("tls-server-name") or url.hostname),
            tls=_tls(cluster, user, folder, where),
            token=_token(user, folder, where),
        )
    except (OSError, yaml.YAMLError, ssl.SSLError, ValueError, AttributeError) as error:
        raise KubeconfigError(f"{where} cannot be used: {error}") from error
