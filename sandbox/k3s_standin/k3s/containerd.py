"""containerd as K3s runs it: its configuration, registries.yaml, and images put beside it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from . import layout, log
from .config import Config
from .layout import Layout, private_directory, write

PAUSE: Final = "rancher/mirrored-pause:3.6"
CRI: Final = "io.containerd.grpc.v1.cri"


def configuration(config: Config, paths: Layout, registries: Mapping[str, Any]) -> str:
    """The TOML of containerd 1.6/1.7; JSON strings are TOML strings."""
    quote = json.dumps
    auth = []
    for host, entry in (registries.get("configs") or {}).items():
        given = (entry or {}).get("auth") or {}
        if given:
            auth.append(f'[plugins."{CRI}".registry.configs.{quote(host)}.auth]')
            pairs = {"username": "username", "password": "password", "auth": "auth", "identity_token": "identitytoken"}
            auth += [f"{name} = {quote(str(given[key]))}" for key, name in pairs.items() if given.get(key)]
    return "\n".join(
        [
            "version = 2",
            f"root = {quote(str(paths.agent / 'containerd'))}",
            f"state = {quote(str(layout.RUN / 'containerd'))}",
            'disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs",'
            ' "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs",'
            ' "io.containerd.snapshotter.v1.devmapper", "io.containerd.tracing.processor.v1.otlp"]',
            "[grpc]",
            f"address = {quote(str(layout.CONTAINERD_SOCKET))}",
            f'[plugins."{CRI}"]',
            f"sandbox_image = {quote(config.text('pause-image') or PAUSE)}",
            "enable_unprivileged_ports = true",
            "enable_unprivileged_icmp = true",
            # Without CAP_SYS_RESOURCE, as in a container that acts as a host, runc may not lower the score.
            "restrict_oom_score_adj = true",
            f'[plugins."{CRI}".containerd]',
            f"snapshotter = {quote(config.text('snapshotter'))}",
            f'[plugins."{CRI}".containerd.runtimes.runc]',
            'runtime_type = "io.containerd.runc.v2"',
            f'[plugins."{CRI}".cni]',
            'bin_dir = "/usr/lib/cni"',
            f"conf_dir = {quote(str(paths.cni))}",
            f'[plugins."{CRI}".registry]',
            f"config_path = {quote(str(paths.agent / 'etc' / 'containerd' / 'certs.d'))}",
            *auth,
            "",
        ]
    )


def read_registries(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as fault:
        raise log.FatalError(f"failed to parse {path}: {fault}") from fault
    if not isinstance(content, dict) or set(content) - {"mirrors", "configs", "auths"}:
        raise log.FatalError(f"failed to parse {path}: wants the maps mirrors and configs")
    return content


def hosts(registries: Mapping[str, Any], fallback: bool) -> dict[str, str]:
    """One hosts.toml for each registry that has a mirror or TLS settings; `*` is containerd's _default."""
    mirrors = registries.get("mirrors") or {}
    settings = registries.get("configs") or {}
    return {
        "_default" if name == "*" else name: _hosts_file(name, mirrors.get(name) or {}, settings, fallback)
        for name in sorted({*mirrors, *settings})
    }


def _hosts_file(name: str, mirror: Mapping[str, Any], settings: Mapping[str, Any], fallback: bool) -> str:
    lines: list[str] = []
    own = "" if name == "*" else f"https://{'registry-1.docker.io' if name == 'docker.io' else name}"
    endpoints = [str(item) for item in mirror.get("endpoint") or []]
    if own and fallback:
        lines.append(f"server = {json.dumps(own)}")
    if own and settings.get(name) and not endpoints:
        endpoints = [own]
    for endpoint in endpoints:
        url = endpoint if "://" in endpoint else f"https://{endpoint}"
        parts = urlsplit(url)
        bare = parts.path in ("", "/")
        target = url.rstrip("/") + ("/v2" if bare else "")
        lines += [f"[host.{json.dumps(target)}]", 'capabilities = ["pull", "resolve"]']
        if not bare:
            lines.append("override_path = true")
        tls = (settings.get(parts.netloc) or {}).get("tls") or {}
        if tls.get("ca_file"):
            lines.append(f"ca = {json.dumps(tls['ca_file'])}")
        if tls.get("cert_file") and tls.get("key_file"):
            lines.append(f"client = [[{json.dumps(tls['cert_file'])}, {json.dumps(tls['key_file'])}]]")
        if tls.get("insecure_skip_verify"):
            lines.append("skip_verify = true")
        if mirror.get("rewrite"):
            log.warning(f"registries.yaml: rewrite of {name} is not supported by the stand-in")
    return "\n".join([*lines, ""])


def raise_kernel_limits() -> None:
    """Several nodes on one machine share its inotify instances; forwarding is what K3s switches on as well."""
    for name, least in (("fs/inotify/max_user_instances", 8192), ("net/ipv4/ip_forward", 1)):
        path = Path("/proc/sys") / name
        try:
            if int(path.read_text()) < least:
                path.write_text(str(least))
        except OSError as fault:
            log.warning(f"sysctl {name}: {fault.strerror}")


def prepare(config: Config, paths: Layout) -> Path:
    """Write all of containerd's files and return its configuration."""
    raise_kernel_limits()
    registries = read_registries(Path(config.text("private-registry") or layout.REGISTRIES))
    directory = paths.agent / "etc" / "containerd"
    wanted = hosts(registries, fallback=not config.flag("disable-default-registry-endpoint"))
    for stale in (directory / "certs.d").glob("*/hosts.toml"):
        if stale.parent.name not in wanted:
            stale.unlink()
    for name, content in wanted.items():
        write(directory / "certs.d" / name / "hosts.toml", content)
    private_directory(paths.agent / "containerd")
    layout.CONTAINERD_SOCKET.parent.mkdir(parents=True, exist_ok=True)
    paths.cni.mkdir(parents=True, exist_ok=True)
    write(directory / "config.toml", configuration(config, paths, registries))
    return directory / "config.toml"


def import_image(path: Path) -> bool:
    command = ["ctr", "--address", str(layout.CONTAINERD_SOCKET), "--namespace", "k8s.io", "images", "import"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        log.error(f"Failed to import images from {path}: {done.stderr.strip()}")
        return False
    return True


def import_images(paths: Layout) -> None:
    """Load every image archive beside K3s; one that is unchanged since its import is not read again."""
    stamps = paths.agent / "images.json"
    seen: dict[str, str] = json.loads(stamps.read_text()) if stamps.exists() else {}
    found: dict[str, str] = {}
    for path in sorted(paths.images.glob("*.tar*")):
        facts = path.stat()
        stamp = f"{facts.st_size}-{facts.st_mtime_ns}"
        if seen.get(path.name) == stamp or import_image(path):
            found[path.name] = stamp
            if seen.get(path.name) != stamp:
                log.info(f"Imported images from {path}")
    write(stamps, json.dumps(found))
