"""Fresh hosts for a benchmark, made by RunInstances like those of a stage, and removed after it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from tests.e2e.support import SANDBOX, environment

TAG = "benchmark"


@dataclass(frozen=True)
class Host:
    name: str
    address: str


def _client() -> Any:
    env = environment()
    return boto3.client(
        "ec2",
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )


def ssh(host: Host, user: str, known_hosts: Path) -> list[str]:
    """The ssh command up to the remote command; the host key was read from the console output."""
    return [
        "ssh", "-i", str(SANDBOX / "ssh" / "id_ed25519"), "-o", f"UserKnownHostsFile={known_hosts}", "-o", "StrictHostKeyChecking=yes",
        "-o", "BatchMode=yes", f"{user}@{host.address}",
    ]  # fmt: skip


def _console_key(ec2: Any, instance_id: str) -> str:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        text = ec2.get_console_output(InstanceId=instance_id, Latest=True).get("Output", "")
        block = text.partition("-----BEGIN SSH HOST KEY KEYS-----")[2].partition("-----END SSH HOST KEY KEYS-----")
        if block[1]:
            return next(" ".join(line.split()[:2]) for line in block[0].splitlines() if line.startswith("ssh-ed25519 "))
        time.sleep(0.2)
    raise TimeoutError(f"no host key on the console of {instance_id}")


@contextmanager
def fresh_hosts(names: list[str], values: dict[str, Any], folder: Path) -> Iterator[tuple[list[Host], Path]]:
    """Hosts that answer SSH, and the known_hosts file that verifies them; terminated at the end."""
    ec2 = _client()
    made = ec2.run_instances(
        ImageId=values["ec2_host_image_id"],
        MinCount=len(names),
        MaxCount=len(names),
        InstanceType="t3.large",
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Project", "Value": TAG}]}],
    )["Instances"]
    ids = [instance["InstanceId"] for instance in made]
    try:
        found = [i for r in ec2.describe_instances(InstanceIds=ids)["Reservations"] for i in r["Instances"]]
        hosts = [Host(name, instance["PrivateIpAddress"]) for name, instance in zip(names, found, strict=True)]
        known_hosts = folder / "known_hosts"
        with ThreadPoolExecutor() as pool:
            keys = list(pool.map(lambda instance: _console_key(ec2, instance["InstanceId"]), found))
        known_hosts.write_text(
            "".join(f"{host.address} {key}\n" for host, key in zip(hosts, keys, strict=True)), encoding="utf-8"
        )
        for host in hosts:
            _wait_for_ssh(ssh(host, values["ec2_host_user"], known_hosts))
        yield hosts, known_hosts
    finally:
        ec2.terminate_instances(InstanceIds=ids)


def _wait_for_ssh(command: list[str]) -> None:
    end = time.monotonic() + 60
    while subprocess.run([*command, "true"], capture_output=True, check=False).returncode != 0:
        if time.monotonic() > end:
            raise TimeoutError(f"no answer from {command[-1]}")
        time.sleep(0.2)
