"""Fetching a pinned file: nothing is replaced before its hash is proved."""

from __future__ import annotations

import hashlib
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from .errors import K3sError
from .model import Artifact

CHUNK = 1 << 20
TIMEOUT = 30
ATTEMPTS = 2
SUFFIX = {"amd64": "", "arm64": "-arm64"}


def filled(text: str, version: str, arch: str) -> str:
    """The text with {version}, {arch} and {suffix} filled in."""
    for name, value in (("version", version), ("arch", arch), ("suffix", SUFFIX.get(arch, f"-{arch}"))):
        text = text.replace("{" + name + "}", value)
    return text


def address(url: str, version: str, arch: str) -> str:
    """The address for a host; the + of a version is written %2B."""
    return filled(url, urllib.parse.quote(version, safe=""), arch)


def addresses(urls: Sequence[str], version: str, arch: str) -> tuple[str, ...]:
    """The addresses for a host, without those that a fragment keeps for another architecture."""
    parts = [url.partition("#") for url in urls]
    return tuple(address(url, version, arch) for url, _, only in parts if only in {"", arch})


def queries(*urls: str) -> set[str]:
    """What must not be shown of these addresses: a presigned one carries its signature in the query."""
    return {found for url in urls if (found := url.partition("#")[0].partition("?")[2])}


def shown(url: str) -> str:
    """The address without the query: a presigned URL carries its signature there."""
    return url.split("?", 1)[0]


def _reason(error: BaseException) -> str:
    """Why an address did not answer, without the address itself."""
    reason = getattr(error, "reason", error)
    if isinstance(error, urllib.error.HTTPError):
        return f"{error.code} {reason}"
    return str(getattr(reason, "strerror", None) or type(reason).__name__ if isinstance(reason, OSError) else reason)


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _download(url: str, target: Path) -> str:
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=TIMEOUT) as source, target.open("wb") as sink:  # noqa: S310  scheme checked
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            sink.write(chunk)
        sink.flush()
        os.fsync(sink.fileno())
    return digest.hexdigest()


def fetch(artifact: Artifact, target: Path, pin: str) -> None:
    """Bring the artifact to `target` from the first address that answers; `pin` names the variable of the hash."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = target.with_name(f"{target.name}.partial")
    silent: list[str] = []
    for url in artifact.urls:
        for attempt in range(ATTEMPTS):
            try:
                found = _download(url, partial)
            except (OSError, ValueError) as error:
                silent.append(f"{shown(url)}: {_reason(error)}")
                if url.startswith("file:") or isinstance(error, urllib.error.HTTPError) or attempt + 1 == ATTEMPTS:
                    break
                time.sleep(1)
                continue
            if found != artifact.sha256:
                partial.unlink()
                raise K3sError(
                    f"checksum mismatch of {shown(url)}: got {found}, pinned {artifact.sha256} ({pin}). "
                    f"{artifact.path} was left as it is. If the version was changed, the pin must follow; "
                    "if not, do not trust this source"
                )
            partial.chmod(artifact.mode)
            partial.replace(target)
            return
    partial.unlink(missing_ok=True)
    raise K3sError("\n  - ".join([f"no address gave {artifact.path}; nothing was replaced", *silent]))
