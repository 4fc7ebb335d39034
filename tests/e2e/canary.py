"""Where a secret may not stand: what any local user can read, command lines, unit files, journals. Patterns never enter a command line."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any

import boto3
import yaml

from tests.e2e.support import ROOT, SANDBOX, environment

# Runs as an unprivileged user, on a host or here: prints the files it could read that hold a pattern.
SCANNER = r"""
import json, os, sys
job = json.load(sys.stdin)
patterns = [p.encode() for p in job["patterns"]]
skip = tuple(job["skip"])
hits, seen = [], 0
for top in job["tops"]:
    for folder, names, files in os.walk(top):
        names[:] = [n for n in names if not os.path.join(folder, n).startswith(skip) and not os.path.islink(os.path.join(folder, n))]
        for name in files:
            path = os.path.join(folder, name)
            try:
                if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > 8_000_000:
                    continue
                with open(path, "rb") as f:
                    data = f.read()
            except OSError:
                continue
            seen += 1
            if any(p in data for p in patterns):
                hits.append(path)
print(json.dumps({"seen": seen, "hits": hits}))
"""
# What a host keeps beside files: its journal, its units, what its containers said.
TOLD = (
    "sudo journalctl --no-pager -o cat; sudo cat /etc/systemd/system/*;"
    " for engine in podman docker; do command -v $engine >/dev/null || continue;"
    " for one in $(sudo $engine ps -aq); do sudo $engine logs $one 2>&1; done; done"
)
PROJECT = str(yaml.safe_load((ROOT / "inventories" / "k3s" / "group_vars" / "all.yml").read_text())["platform_project"])
SKIP = ["/proc", "/sys", "/dev", "/usr/share", "/usr/lib", "/usr/bin", "/opt/artifacts", "/var/lib/rancher/k3s/data"]


def _client(service: str) -> Any:
    env = environment()
    return boto3.client(
        service,
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )


def hosts() -> dict[str, str]:
    """Name of every running host of the project to its address."""
    running = _client("ec2").describe_instances(
        Filters=[
            {"Name": "tag-key", "Values": ["InventoryHost"]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
    )
    found = {}
    for reservation in running["Reservations"]:
        for instance in reservation["Instances"]:
            tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
            found[tags["InventoryHost"]] = instance["PrivateIpAddress"]
    return found


def secrets() -> dict[str, str]:
    """Name of a secret's member to its value, for all secrets of the project; short values prove nothing and are left out.

    Those of the project that molecule makes beside the stages are not meant: where a token is rotated, MiniStack itself hands it to
    redis-cli, which on AWS nobody sees.
    """
    client = _client("secretsmanager")
    found: dict[str, str] = {}
    public = {"username", "host", "port", "dbname", "engine", "ca"}
    for page in client.get_paginator("list_secrets").paginate():
        for entry in page["SecretList"]:
            if not entry["Name"].startswith(f"{PROJECT}/"):
                continue
            content = json.loads(client.get_secret_value(SecretId=entry["Name"])["SecretString"])
            for key, value in content.items():
                if key not in public and isinstance(value, str) and len(value) >= 12:
                    found[f"{entry['Name']}:{key}"] = value
    return found


def patterns(values: dict[str, str]) -> list[str]:
    """Each value as it is, in base64 (the part no neighbour changes), URL-quoted and JSON-escaped."""
    found: set[str] = set()
    for value in values.values():
        found |= {value, urllib.parse.quote(value, safe=""), json.dumps(value)[1:-1]}
        found.add(base64.b64encode(value.encode()).decode().rstrip("=")[:-1])
    return sorted(found)


def leaks(output: str, wanted: list[str]) -> list[int]:
    """Numbers of the lines that hold a secret; never the lines themselves."""
    lines = enumerate(output.splitlines(), 1)
    return [number for number, line in lines if any(pattern in line for pattern in wanted)]


def scan_here(tops: list[str], wanted: list[str]) -> dict[str, Any]:
    """What the user nobody can read of them on this machine."""
    job = json.dumps({"patterns": wanted, "tops": tops, "skip": SKIP})
    done = subprocess.run(
        ["/usr/bin/python3", "-c", SCANNER],
        input=job,
        capture_output=True,
        text=True,
        check=True,
        user="nobody",
        group="nogroup",
        extra_groups=[],
    )
    return dict(json.loads(done.stdout))


def scan_left_by_runs(wanted: list[str]) -> dict[str, Any]:
    """What tasks in the background and modules left behind on this machine, read as the user who ran them."""
    tops = [Path.home() / ".ansible_async", *(ROOT / ".state").glob("*/async")]
    job = json.dumps({"patterns": wanted, "tops": [str(top) for top in tops], "skip": []})
    done = subprocess.run([sys.executable, "-c", SCANNER], input=job, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def ssh(name: str, address: str, user: str, known_hosts: Path) -> list[str]:
    """The ssh command up to the remote command, its host key verified."""
    return [
        "ssh", "-i", str(SANDBOX / "ssh" / "id_ed25519"), "-o", f"UserKnownHostsFile={known_hosts}", "-o", "StrictHostKeyChecking=yes",
        "-o", "BatchMode=yes", "-o", f"HostKeyAlias={name}", f"{user}@{address}",
    ]  # fmt: skip


def scan_host(base: list[str], wanted: list[str]) -> dict[str, Any]:
    """The same on a host of the stage, and its journal and unit files as root; `base` is the ssh command."""
    job = json.dumps({"patterns": wanted, "tops": ["/"], "skip": SKIP})
    script = f"import sys, io\nsys.stdin = io.StringIO({job!r})\n{SCANNER}"
    as_nobody = subprocess.run(
        [*base, "sudo -u nobody python3 -"], input=script, capture_output=True, text=True, check=True
    )
    found = dict(json.loads(as_nobody.stdout))
    told = subprocess.run(
        [*base, TOLD],
        capture_output=True,
        text=True,
        check=False,
    )
    if any(pattern in told.stdout for pattern in wanted):
        found["hits"].append("journal, unit files or the log of a container")
    job = json.dumps({"patterns": wanted, "tops": ["/root/.ansible_async", "/root/.ansible"], "skip": []})
    script = f"import sys, io\nsys.stdin = io.StringIO({job!r})\n{SCANNER}"
    as_root = subprocess.run([*base, "sudo python3 -"], input=script, capture_output=True, text=True, check=True)
    found["hits"] += json.loads(as_root.stdout)["hits"]
    return found


def server_logs(engine: str) -> dict[str, str]:
    """Name of every container here to what it wrote: the database servers among them are the managed ones of AWS."""
    listed = subprocess.run([engine, "ps", "-a", "--format", "{{.Names}}"], capture_output=True, text=True, check=True)
    told = {}
    for name in listed.stdout.split():
        done = subprocess.run(
            [engine, "logs", name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        told[name] = done.stdout
    return told


class CommandLines(threading.Thread):
    """Looks at every process's command line, those inside the containers too, until stopped.

    Each stays open: a read gives what the process is by then, though it has started another program since, and opening hundreds anew
    fifty times a second would cost the run that is watched a third of a processor.
    """

    def __init__(self, wanted: list[str]) -> None:
        super().__init__(daemon=True)
        self._wanted = [pattern.encode() for pattern in wanted]
        self._over = threading.Event()
        self.hits: set[str] = set()
        self.looks = 0
        self._seen: set[bytes] = set()
        self._files: dict[str, int] = {}  # process number to its open command line

    def run(self) -> None:
        while not self._over.is_set():
            there = {name for name in os.listdir("/proc") if name.isdigit()}
            for name in self._files.keys() - there:
                os.close(self._files.pop(name))
            for name in there:
                self._look(name)
            self.looks += 1
            time.sleep(0.02)
        for file in self._files.values():
            os.close(file)

    def _look(self, name: str) -> None:
        line = self._read(name)
        if not line and name in self._files:  # it ended: its number may be another one's already
            os.close(self._files.pop(name))
            line = self._read(name)
        if not line or line in self._seen:
            return
        self._seen.add(line)
        if any(pattern in line for pattern in self._wanted):
            self.hits.add(line.split(b"\0", 1)[0].decode(errors="replace"))

    def _read(self, name: str) -> bytes:
        """All of it; empty where there is none, as of a thread of the kernel."""
        try:
            if name not in self._files:
                self._files[name] = os.open(f"/proc/{name}/cmdline", os.O_RDONLY | os.O_CLOEXEC)
            return os.pread(self._files[name], 2**22, 0)
        except OSError:
            return b""

    def stop(self) -> None:
        self._over.set()
        self.join()


def readable_here() -> list[str]:
    """Folders of this machine where a run leaves files."""
    home = Path.home()
    return [str(path) for path in (ROOT, home / ".ansible", home / ".ansible_async", Path("/tmp")) if path.exists()]  # noqa: S108


if __name__ == "__main__":
    print(json.dumps(sorted(secrets()), indent=1))
    sys.exit(0)
