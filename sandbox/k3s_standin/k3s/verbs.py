"""The verbs of k3s beside server and agent: token, etcd-snapshot, secrets-encrypt, certificate."""

from __future__ import annotations

import base64
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from . import config, encryption, log, pki, snapshots, tokens
from .api import ApiError, Client
from .layout import Layout
from .supervisor import SECRETS

WARN_DAYS: Final = 120
_TOKEN_TYPE: Final = "bootstrap.kubernetes.io/token"  # noqa: S105 - the type of a Secret


def _options(
    arguments: Sequence[str], flags: Sequence[str], switches: Sequence[str] = ()
) -> tuple[dict[str, str], list[str]]:
    """Flags of a verb and its other words; a flag of the server, as a script may give it, is taken too."""
    found: dict[str, str] = {}
    rest: list[str] = []
    items = iter(arguments)
    for item in items:
        if not item.startswith("-"):
            rest.append(item)
            continue
        name, equals, value = item.lstrip("-").partition("=")
        if name in switches:
            found[name] = value or "true"
        elif name in flags or config.known(name):
            found[name] = value if equals or name in config.BOOLEANS else next(items, "")
        else:
            raise log.FatalError(f"flag provided but not defined: -{name}")
    return found, rest


def _paths(options: dict[str, str]) -> Layout:
    return Layout(Path(options.get("data-dir") or str(config.DEFAULTS["data-dir"])))


def _client(paths: Layout) -> Client:
    store = pki.Store(paths.tls)
    if not store.path("client-supervisor").exists():
        raise log.FatalError(f"{paths.tls}: no server runs here")
    key = store.path("client-supervisor", "key")
    return Client("127.0.0.1", 6443, store.path("server-ca"), store.path("client-supervisor"), key)


def token(arguments: Sequence[str]) -> int:
    action, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    options, words = _options(rest, ("ttl", "description", "groups", "usages", "output", "kubeconfig"), ("print",))
    paths = _paths(options)
    if action == "generate":
        print(tokens.new_bootstrap())
        return 0
    api = _client(paths)
    if action == "create":
        authority = pki.Store(paths.tls).path("server-ca").read_bytes()
        print(tokens.secure(authority, "", _create(api, options, words)))
    elif action == "list":
        _list(api)
    elif action == "delete":
        for word in words:
            identity = word.rpartition("::")[2].partition(".")[0]
            api.request("DELETE", f"{SECRETS}/bootstrap-token-{identity}")
            print(f'bootstrap token "{identity}" deleted')
    else:
        raise log.FatalError(f"k3s token {action}: unknown; create, delete, generate and list are there")
    return 0


def _create(api: Client, options: dict[str, str], words: Sequence[str]) -> str:
    made = words[0] if words else tokens.new_bootstrap()
    if not tokens.is_bootstrap(made):
        raise log.FatalError("the bootstrap token is not of the form [a-z0-9]{6}.[a-z0-9]{16}")
    identity, _, secret = made.partition(".")
    data = {
        "token-id": identity,
        "token-secret": secret,
        "usage-bootstrap-authentication": "true",
        "usage-bootstrap-signing": "true",
        "auth-extra-groups": "system:bootstrappers:k3s:default-node-token",
        "description": options.get("description", ""),
    }
    lifetime = tokens.duration(options.get("ttl", "24h"))
    if lifetime:
        data["expiration"] = (datetime.now(UTC) + lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
    meta = {"name": f"bootstrap-token-{identity}", "namespace": "kube-system"}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": _TOKEN_TYPE, "stringData": data}
    api.request("POST", SECRETS, body)
    return made


def _list(api: Client) -> None:
    print(f"{'TOKEN':<8}{'TTL':<22}{'EXPIRES':<22}DESCRIPTION")
    for secret in api.get(f"{SECRETS}?fieldSelector=type={_TOKEN_TYPE}")["items"]:
        data: dict[str, str] = {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}
        expires = data.get("expiration", "")
        left = "<forever>" if not expires else "<invalid>" if tokens.expired(expires) else str(_left(expires))
        print(f"{data['token-id']:<8}{left:<22}{expires or '<never>':<22}{data.get('description', '')}")


def _left(expires: str) -> Any:
    return datetime.fromisoformat(expires.replace("Z", "+00:00")) - datetime.now(UTC).replace(microsecond=0)


def etcd_snapshot(arguments: Sequence[str], home: Path) -> int:
    actions = ("save", "ls", "list", "delete", "prune")
    action, rest = (arguments[0], arguments[1:]) if arguments and arguments[0] in actions else ("save", arguments)
    options, words = _options(rest, ("name", "dir", "snapshot-retention", "output", "o"))
    settings = config.Config({**config.read_files(Path("/etc/rancher/k3s/config.yaml")), **options})
    paths = _paths(options)
    kept = snapshots.Snapshots(
        paths, pki.Store(paths.tls), home, settings.text("etcd-snapshot-dir") or options.get("dir", "")
    )
    if action == "save":
        name = options.get("name") or "on-demand"
        found = kept.save(name)
        print(f"Snapshot {found.name} saved.")
    elif action == "delete":
        for word in words:
            kept.delete(word)
            print(f"Snapshot {word} deleted.")
    elif action == "prune":
        for path in kept.prune(options.get("name") or "on-demand", int(options.get("snapshot-retention", "5"))):
            print(f"Snapshot {path.name} deleted.")
    else:
        print(f"{'Name':<60}{'Location':<100}{'Size':<12}Created")
        for path in kept.all():
            facts = path.stat()
            created = datetime.fromtimestamp(facts.st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            print(f"{path.name:<60}{'file://' + str(path):<100}{facts.st_size:<12}{created}")
    return 0


def secrets_encrypt(arguments: Sequence[str]) -> int:
    action = arguments[0] if arguments else ""
    if action != "status":
        raise log.FatalError(f"k3s secrets-encrypt {action}: the stand-in knows status only")
    options, _ = _options(arguments[1:], ("output", "o"))
    print(encryption.status(_paths(options)))
    return 0


def certificate(arguments: Sequence[str]) -> int:
    action = arguments[0] if arguments else ""
    options, _ = _options(arguments[1:], ("output", "o", "service"))
    paths = _paths(options)
    leaves = [path for root in (paths.tls, paths.agent) for path in sorted(root.glob("**/*.crt")) if path.is_file()]
    if action == "check":
        print(f"{'FILENAME':<32}{'SUBJECT':<44}{'USAGES':<24}{'EXPIRES':<26}{'RESIDUAL TIME':<15}STATUS")
        for path in leaves:
            print(_certificate_row(path))
        return 0
    if action == "rotate":
        for path in leaves:
            if not path.stem.endswith("-ca"):
                path.unlink()
        print("Certificates are renewed at the next start: restart k3s")
        return 0
    raise log.FatalError(f"k3s certificate {action}: the stand-in knows check and rotate")


def _certificate_row(path: Path) -> str:
    content = path.read_bytes()
    expires = pki.expiry(content)
    left = (expires - datetime.now(UTC)).days
    status = "EXPIRED" if left < 0 else "WARNING" if left < WARN_DAYS else "OK"
    usage = "CertSign" if path.stem.endswith("-ca") else "ClientAuth,ServerAuth"
    when = expires.strftime("%b %d, %Y %H:%M UTC")
    return f"{path.name:<32}{pki.common_name(content):<44}{usage:<24}{when:<26}{f'{left} days':<15}{status}"


def run(verb: str, arguments: Sequence[str], home: Path) -> int:
    try:
        if verb == "token":
            return token(arguments)
        if verb == "etcd-snapshot":
            return etcd_snapshot(arguments, home)
        if verb == "secrets-encrypt":
            return secrets_encrypt(arguments)
        return certificate(arguments)
    except (ApiError, OSError) as fault:
        print(f"Error: {fault}", file=sys.stderr)
        return 1
