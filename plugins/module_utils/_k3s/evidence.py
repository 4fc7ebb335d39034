"""Gathering evidence on the host where K3s did not come up."""

from __future__ import annotations

import base64
import http.client
import ipaddress
import shutil
import socket
import ssl
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any

from . import tokens
from .diagnosis import Evidence
from .host import Host

TIMEOUT = 2.0
LINES = 60
TAIL = 12
_CURSOR = "-- cursor: "
PORTS = {"agent": (6443,), "server": (6443, 2379, 2380)}


def probe(name: str, port: int) -> str:
    try:
        with socket.create_connection((name, port), timeout=TIMEOUT):
            return "open"
    except socket.gaierror:
        return "unresolved"
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "timeout"
    except OSError:
        return "unreachable"


def ask(url: str, ca_pem: str, user: str, password: str) -> tuple[str, int]:
    """Show the token to the server, but only to one that proves the pinned CA."""
    place = urllib.parse.urlsplit(url)
    try:
        context = ssl.create_default_context(cadata=ca_pem)
        connection = http.client.HTTPSConnection(
            place.hostname or "", place.port or 6443, timeout=TIMEOUT, context=context
        )
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        connection.request("GET", "/v1-k3s/config", headers={"Authorization": f"Basic {basic}"})
        status = connection.getresponse().status
        connection.close()
    except ssl.SSLCertVerificationError as error:
        # 9 and 10: not yet valid, expired. 62 and 64: the name or address is not in the certificate.
        if error.verify_code in {9, 10}:
            return "not valid by this host's clock", 0
        return ("another name" if error.verify_code in {62, 64} else "another CA"), 0
    except (OSError, http.client.HTTPException) as error:
        return str(error), 0
    return "ok", status


def clashes(addresses: Iterable[tuple[str, str]], ranges: Mapping[str, str]) -> list[str]:
    """Addresses of the host inside a range that the cluster takes for itself."""
    found = []
    for name, value in ranges.items():
        network = ipaddress.ip_network(value)
        found += [
            f"{interface} has {address}, which lies in {name} {value}; choose another range for the cluster"
            for interface, address in addresses
            if ipaddress.ip_address(address) in network
        ]
    return found


class Journal:
    """What a unit has written since a moment: a line of before may tell of what has been mended since."""

    def __init__(self, host: Host, service: str, since: float, secrets: Iterable[str]) -> None:
        self._host, self._service, self._secrets = host, service, list(secrets)
        self._since = ("--since", f"@{int(since)}")
        self._cursor = ""

    def lines(self) -> tuple[str, ...]:
        return self._read(*self._since)[0]

    def news(self) -> tuple[str, ...]:
        """What came since this was asked last."""
        found, cursor = self._read(
            "--show-cursor", *([f"--after-cursor={self._cursor}"] if self._cursor else self._since)
        )
        self._cursor = cursor or self._cursor
        return found

    def tail(self) -> tuple[str, ...]:
        return self._read()[0][-TAIL:]

    def _read(self, *which: str) -> tuple[tuple[str, ...], str]:
        command = ["journalctl", "-u", self._service, *which, "-n", str(LINES), "-o", "cat", "--no-pager"]
        _code, out, _err = self._host.run(command)
        lines = tokens.scrub(out, self._secrets).splitlines()
        cursors = [line for line in lines if line.startswith(_CURSOR)]
        kept = tuple(line for line in lines if line not in cursors)
        return kept, cursors[-1].removeprefix(_CURSOR) if cursors else ""


def gather(host: Host, params: Mapping[str, Any], join: Mapping[str, Any], service: str, journal: Journal) -> Evidence:
    role = params["role"]
    ports: dict[str, str] = {}
    tls, status = "", 0
    if join["mode"] == "join" and join["url"]:
        name = urllib.parse.urlsplit(join["url"]).hostname or ""
        ports = {f"{name}:{port}": probe(name, port) for port in PORTS[role]}
        if join["ca_pem"] and ports[f"{name}:6443"] == "open":
            key, user = ("agent_token", "node") if role == "agent" else ("token", "server")
            tls, status = ask(join["url"], join["ca_pem"], user, params["secrets"][key])
    memory = [line.split()[1] for line in (host.text("/proc/meminfo") or "").splitlines() if "MemAvailable" in line]
    return Evidence(
        service=host.service(service).active,
        role=role,
        joining=join["mode"] == "join",
        server=join["url"],
        ports=ports,
        tls=tls,
        status=status,
        clock_difference=params["skew"] - float(join["skew"]) if join["mode"] == "join" else 0.0,
        disk_mb=shutil.disk_usage(host.paths.at("/var/lib")).free >> 20,
        memory_mb=int(memory[0]) >> 10 if memory else 1 << 20,
        clashes=tuple(clashes(host.addresses(), ranges(params))),
        journal=journal.lines(),
        news=journal.news(),
        tail=journal.tail(),
    )


def ranges(params: Mapping[str, Any]) -> dict[str, str]:
    return {
        "k3s_common_cluster_cidr": params["cluster_cidr"],
        "k3s_common_service_cidr": params["service_cidr"],
    }
