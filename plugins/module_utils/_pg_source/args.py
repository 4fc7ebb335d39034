"""From a module's parameters to what is wanted; every fault of the input at once."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.locate import Choice
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.model import Login, Tls, Wanted
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.probe import own_address
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.target import Admin

ARGUMENTS: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "where": {"type": "str", "choices": ["auto", "service", "container"], "default": "auto"},
    "container": {"type": "str", "default": ""},
    "engine": {"type": "str", "choices": ["auto", "docker", "podman"], "default": "auto"},
    "data_directory": {"type": "path", "default": ""},
    "admin_username": {"type": "str", "default": ""},
    "admin_password": {"type": "str", "default": "", "no_log": True},
    "login": {
        "type": "dict",
        "required": True,
        "options": {
            "username": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "existing": {"type": "bool", "default": False},
        },
    },
    "cidrs": {"type": "list", "elements": "str", "default": []},
    "databases": {"type": "list", "elements": "str", "default": []},
    "address": {"type": "str", "default": ""},
    "names": {"type": "list", "elements": "str", "default": []},
    "tls": {
        "type": "dict",
        "default": {},
        "options": {
            "mode": {"type": "str", "choices": ["auto", "own", "given", "keep"], "default": "auto"},
            "certificate": {"type": "path", "default": ""},
            "key": {"type": "path", "default": "", "no_log": False},
            "ca": {"type": "path", "default": ""},
        },
    },
    "max_wal_senders": {"type": "int", "default": 10},
    "max_replication_slots": {"type": "int", "default": 10},
    "max_worker_processes": {"type": "int", "default": 8},
    "max_logical_replication_workers": {"type": "int", "default": 4},
    "slot_wal_limit": {"type": "int", "default": 10 * 1024**3},
    "restart": {"type": "str", "choices": ["refuse", "allowed"], "default": "refuse"},
    "restart_timeout": {"type": "int", "default": 120},
    "stop_timeout": {"type": "int", "default": 120},
    "folder": {"type": "path", "default": "/var/lib/platform_source"},
}
RANGES = {
    "max_wal_senders": (1, 1000),
    "max_replication_slots": (1, 1000),
    "max_worker_processes": (1, 1000),
    "max_logical_replication_workers": (1, 1000),
    "slot_wal_limit": (64 * 1024**2, 2**60),
    "restart_timeout": (5, 86400),
    "stop_timeout": (5, 86400),
}


def _texts(given: Mapping[str, Any]) -> list[str]:
    """A line break would be another line of pg_hba.conf or of what psql is told."""
    texts = {
        "admin_username": given["admin_username"],
        "admin_password": given["admin_password"],
        "login.username": given["login"]["username"],
        "login.password": given["login"]["password"],
        "address": given["address"],
        **{f"databases[{number}]": one for number, one in enumerate(given["databases"])},
        **{f"names[{number}]": one for number, one in enumerate(given["names"])},
    }
    faults = [f"{name} holds a line break" for name, text in texts.items() if any(one in text for one in "\n\r\0")]
    faults += [f"{name} is empty" for name in ("login.username", "login.password") if not texts[name]]
    # In pg_hba.conf these begin a file, a group or a pattern, even in quotes on some versions.
    faults += [
        f"{name} begins with {text[0]}, which means something else in pg_hba.conf"
        for name, text in texts.items()
        if name.startswith(("login.username", "databases")) and text[:1] in ("@", "+", "/")
    ]
    faults += [
        f"{name} is no name or address of a host" for name, text in texts.items()
        if name.startswith(("address", "names")) and (set(text) & set(" ,;=\\\"'"))
    ]  # fmt: skip
    return faults


def _networks(cidrs: list[str], needed: bool) -> list[str]:
    faults = (
        []
        if cidrs or not needed
        else ["cidrs is empty: who may come? Give the subscriber's subnets, such as 10.0.1.0/24"]
    )
    for cidr in cidrs:
        try:
            network = ip_network(cidr)
        except ValueError as error:
            faults.append(f"cidrs: {error}")
        else:
            if network.prefixlen == 0:
                faults.append(f"cidrs: {cidr} is everybody. Give the subscriber's subnets")
    return faults


def _read(path: str, what: str, faults: list[str]) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        faults.append(f"{what}: {path} cannot be read on this host ({type(error).__name__})")
        return ""


def _tls(given: Mapping[str, Any], faults: list[str]) -> Tls:
    tls = Tls(
        given["mode"],
        _read(given["certificate"], "tls.certificate", faults),
        _read(given["key"], "tls.key", faults),
        _read(given["ca"], "tls.ca", faults),
    )
    if tls.mode == "given":
        faults += [f"tls.mode given needs tls.{name}" for name in ("certificate", "key", "ca") if not given[name]]
    elif given["certificate"] or given["key"]:
        faults.append("tls.certificate and tls.key go with tls.mode given")
    return tls


def read(given: Mapping[str, Any]) -> tuple[Choice, Admin, Wanted]:
    faults = _texts(given) + _networks(given["cidrs"], given["state"] == "present")
    faults += [
        f"{name} is {given[name]}, it must be {least} to {most}"
        for name, (least, most) in RANGES.items()
        if not least <= given[name] <= most
    ]
    if given["container"] and (given["data_directory"] or given["where"] == "service"):
        faults.append("container is named, and a service too (data_directory, where): which one is meant?")
    address = given["address"] or own_address()
    if not address:
        faults.append(
            "address is empty, and this host has no address towards others. Give the one that subscribers use"
        )
    tls = _tls({**{"mode": "auto", "certificate": "", "key": "", "ca": ""}, **given["tls"]}, faults)
    if faults:
        raise PgError("; ".join(faults))
    admin = Admin(given["admin_username"], given["admin_password"])
    login = Login(given["login"]["username"], given["login"]["password"], given["login"]["existing"])
    numbers = {name: given[name] for name in RANGES}
    wanted = Wanted(
        login=login, cidrs=tuple(given["cidrs"]), databases=tuple(given["databases"]), address=address, names=tuple(given["names"]),
        tls=tls, restart=given["restart"] == "allowed", folder=given["folder"], **numbers,
    )  # fmt: skip
    return Choice(given["where"], given["container"], given["engine"], given["data_directory"]), admin, wanted
