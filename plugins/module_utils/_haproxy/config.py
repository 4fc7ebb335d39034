"""Which server a configuration of HAProxy makes active: the one whose line has no `disabled`. Text in, text out."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.errors import ProxyError

DISABLED = "disabled"


def _servers(text: str, backend: str) -> Iterator[tuple[int, str, list[str]]]:
    """Line number, name and words of each server of a backend."""
    section = ""
    for number, line in enumerate(text.splitlines()):
        words = line.split("#", 1)[0].split()
        if words and not line[:1].isspace():
            section = words[1] if words[0] == "backend" and len(words) > 1 else ""
        elif section == backend and len(words) > 2 and words[0] == "server":
            yield number, words[1], words


def active(text: str, backend: str) -> str:
    """The server that a start with this configuration uses."""
    names = [name for _, name, words in _servers(text, backend) if DISABLED not in words]
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise ProxyError(
            f"backend {backend} of HAProxy must have one active server, it has {found}. Mend: run role redis_proxy"
        )
    return names[0]


def places(text: str, backend: str) -> dict[str, tuple[str, int]]:
    """Host and port of each server."""
    found = {}
    for _, name, words in _servers(text, backend):
        host, _, port = words[2].rpartition(":")
        found[name] = (host, int(port)) if port.isdigit() else (words[2], 0)
    return found


def with_active(text: str, backend: str, side: str) -> str:
    """The configuration with `side` active and every other server of the backend disabled."""
    servers = {number: (name, words) for number, name, words in _servers(text, backend)}
    if side not in {name for name, _ in servers.values()}:
        raise ProxyError(f"backend {backend} of HAProxy has no server {side}. Mend: run role redis_proxy")
    lines = text.splitlines()
    for number, (name, words) in servers.items():
        kept = [word for word in words if word != DISABLED]
        indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
        lines[number] = indent + " ".join(kept if name == side else [*kept, DISABLED])
    return "\n".join(lines) + "\n"
