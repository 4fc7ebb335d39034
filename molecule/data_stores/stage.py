"""What the roles of the data stores take from others: an AWS, a network and the CAs. Just enough, for Molecule.

stage.py up|down <directory>: makes them, or takes them away, at the endpoint in AWS_ENDPOINT_URL.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
PROJECT, STAGE = "molecule", "stores"
HEALTH = "/_ministack/rds/ca.pem"
CIDR = "10.77.0.0/16"
SERVER_SECONDS = 120
# MiniStack with the gaps closed, in its own environment, since it pins botocore. Without a container engine it is an
# API and nothing behind it.
ROOT = Path(__file__).parents[2]
SERVER = (
    *("uv", "run", "--no-project", "--python", "3.11"),
    *("--with-requirements", "sandbox/images/ministack/requirements.txt", "python", "-m", "sandbox.ministack_compat"),
)


def get(path: str) -> bytes | None:
    try:
        with urllib.request.urlopen(f"{ENDPOINT}{path}", timeout=5) as answer:  # noqa: S310 - an emulator, by its http URL
            body: bytes = answer.read()
            return body
    except (urllib.error.URLError, OSError):
        return None


def start_server(directory: Path) -> None:
    """Unless there is one, as after `source .sandbox/env`."""
    if get(HEALTH) is not None:
        return
    where = urlsplit(ENDPOINT)
    if where.hostname != "127.0.0.1":
        raise SystemExit(f"nothing answers at {ENDPOINT}: start it, or unset AWS_ENDPOINT_URL to have one started")
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "VIRTUAL_ENV"))},
        "BIND_HOST": str(where.hostname),
        "GATEWAY_PORT": str(where.port),
        "DOCKER_HOST": "unix:///nonexistent",
        "PYTHONPATH": str(ROOT),
    }
    with (directory / "server.log").open("wb") as log:
        server = subprocess.Popen(SERVER, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    (directory / "server.pid").write_text(str(server.pid))
    end = time.monotonic() + SERVER_SECONDS
    while get(HEALTH) is None:
        if server.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"no MiniStack at {ENDPOINT}: {(directory / 'server.log').read_text()[-2000:]}")
        time.sleep(0.2)


def network() -> dict[str, Any]:
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Project", "Value": PROJECT}])
    zones = [f"{ec2.meta.region_name}{letter}" for letter in "ab"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.77.{index}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for index, zone in enumerate(zones)
    ]
    groups = {
        what: ec2.create_security_group(VpcId=vpc, GroupName=f"{PROJECT}-{what}", Description=what)["GroupId"]
        for what in ("aurora", "redis")
    }
    return {"vpc_id": vpc, "private_subnet_ids": subnets, "security_groups": groups}


def up(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    start_server(directory)
    stage: dict[str, Any] = {"network_facts": network()}
    for service, key in (("rds", "aurora_ca_file"), ("elasticache", "redis_ca_file")):
        path = directory / f"{service}-ca.pem"
        path.write_bytes(get(f"/_ministack/{service}/ca.pem") or b"")
        stage[key] = str(path)
    (directory / "stage.json").write_text(json.dumps(stage, indent=2))


def down(directory: Path) -> None:
    record = directory / "stage.json"
    if record.exists() and get(HEALTH) is not None:
        forget(json.loads(record.read_text())["network_facts"])
    pid = directory / "server.pid"
    if pid.exists():
        with suppress(ProcessLookupError):
            os.killpg(int(pid.read_text()), signal.SIGTERM)
    for path in directory.glob("*"):
        path.unlink()


def forget(found: dict[str, Any]) -> None:
    ec2, secrets = boto3.client("ec2"), boto3.client("secretsmanager")
    with suppress(ClientError):
        boto3.client("rds").delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=f"{PROJECT}-{STAGE}-aurora-final")
    with suppress(ClientError):
        boto3.client("elasticache").delete_snapshot(SnapshotName=f"{PROJECT}-{STAGE}-redis-final")
    for secret in secrets.list_secrets(Filters=[{"Key": "name", "Values": [f"{PROJECT}/{STAGE}/"]}])["SecretList"]:
        secrets.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
    for group in found["security_groups"].values():
        with suppress(ClientError):
            ec2.delete_security_group(GroupId=group)
    for subnet in found["private_subnet_ids"]:
        with suppress(ClientError):
            ec2.delete_subnet(SubnetId=subnet)
    with suppress(ClientError):
        ec2.delete_vpc(VpcId=found["vpc_id"])


if __name__ == "__main__":
    {"up": up, "down": down}[sys.argv[1]](Path(sys.argv[2]).resolve())
