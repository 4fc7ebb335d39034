"""The host of the stage before, as the playbooks find it: one EC2 host with PostgreSQL 15, Redis and the shop's data.

Nothing of the collection makes this host; on a real account it is the one that has been running for years.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, ip_address
from typing import Any

from cryptography import x509

from sandbox import net, remote, tls
from sandbox.errors import SandboxError
from sandbox.images import Log
from sandbox.settings import MANAGED_BY, PROJECT, VPC_CIDR, Paths

STAGE = "legacy"  # not `single`: that one the playbooks make
INVENTORY_HOST = "legacy"
SUBNET = IPv4Network("10.89.56.0/24")  # outside what the role `network` carves
HOST_TAGS = {
    "Name": f"{PROJECT}-{STAGE}-{INVENTORY_HOST}",
    "Project": PROJECT,
    "Stage": STAGE,
    "InventoryHost": INVENTORY_HOST,
    "ManagedBy": MANAGED_BY,
}
POSTGRES_PORT, REDIS_PORT = 5432, 6379
BOOT_LIMIT = 60.0
ANSWER_LIMIT = 5.0
SCRIPT = "/usr/local/sbin/configure-legacy"
Clients = Callable[[str], Any]


@dataclass(frozen=True)
class Legacy:
    address: str
    contents: str = f"PostgreSQL 15 on {POSTGRES_PORT}, Redis on {REDIS_PORT}"
    changed: bool = True


def ensure(clients: Clients, image: str, paths: Paths, log: Log) -> Legacy:
    ec2, manager = clients("ec2"), clients("secretsmanager")
    subnet = _subnet(ec2, _vpc(ec2))
    instance = _running(ec2, image, log)
    if instance is not None and _complete(instance, manager):
        return Legacy(instance["PrivateIpAddress"], changed=False)
    if instance is not None and not _answers(instance):
        log("the legacy host is called running and does not answer: replacing it")
        ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
        instance = None
    if instance is None:
        log("starting the legacy host")
        instance = _launch(ec2, image, subnet)
    address = str(instance["PrivateIpAddress"])
    if not net.wait_for_port(address, remote.SSH_PORT, BOOT_LIMIT):
        raise SandboxError(f"the legacy host does not answer SSH on {address}", "python -m sandbox logs legacy")
    keys = remote.host_keys(ec2, instance["InstanceId"])
    _tag(ec2, instance["InstanceId"], {"SshHostKey": keys[0]})
    log("configuring PostgreSQL and Redis")
    login, token = _login(manager), secrets.token_hex(24)
    host = remote.Host(address, keys, paths)
    pair = tls.issue(paths, [x509.IPAddress(ip_address(address))])
    secret_lines = [login["password"], token, _one_line(pair.certificate), _one_line(pair.key)]
    host.run(["sudo", SCRIPT, str(VPC_CIDR)], stdin="\n".join(secret_lines) + "\n")
    # The secrets come last: where they name this host, all before them was done.
    _put(manager, "redis", {"host": address, "port": REDIS_PORT, "token": token})
    _put(manager, "postgres", {**login, "host": address, "port": POSTGRES_PORT, "dbname": PROJECT})
    return Legacy(address)


def _complete(instance: dict[str, Any], manager: Any) -> bool:
    address = instance["PrivateIpAddress"]
    if not any(tag["Key"] == "SshHostKey" for tag in instance.get("Tags", [])):
        return False
    if any((_secret(manager, what) or {}).get("host") != address for what in ("postgres", "redis")):
        return False
    return all(net.wait_for_port(address, port, 1.0) for port in (POSTGRES_PORT, REDIS_PORT))


def _answers(instance: dict[str, Any]) -> bool:
    """The API goes on calling a host running whose container is gone. One that was just started is given time to boot."""
    age = (datetime.now(UTC) - instance["LaunchTime"]).total_seconds()
    return net.wait_for_port(str(instance["PrivateIpAddress"]), remote.SSH_PORT, max(BOOT_LIMIT - age, ANSWER_LIMIT))


def _vpc(ec2: Any) -> str:
    wanted = {"Project": PROJECT, "Name": f"{PROJECT}-vpc"}
    found = ec2.describe_vpcs(Filters=_filters(wanted))["Vpcs"]
    if found:
        return str(found[0]["VpcId"])
    made = ec2.create_vpc(CidrBlock=str(VPC_CIDR))["Vpc"]["VpcId"]
    _tag(ec2, made, {**wanted, "ManagedBy": MANAGED_BY})
    return str(made)


def _subnet(ec2: Any, vpc: str) -> str:
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "cidr-block", "Values": [str(SUBNET)]}]
    found = ec2.describe_subnets(Filters=filters)["Subnets"]
    if found:
        return str(found[0]["SubnetId"])
    made = ec2.create_subnet(VpcId=vpc, CidrBlock=str(SUBNET))["Subnet"]["SubnetId"]
    _tag(ec2, made, {"Name": f"{PROJECT}-{STAGE}", "Project": PROJECT, "Stage": STAGE, "ManagedBy": MANAGED_BY})
    return str(made)


def _running(ec2: Any, image: str, log: Log) -> dict[str, Any] | None:
    """The legacy host made from this image; one made from another has other data and is replaced."""
    filters = [*_filters(HOST_TAGS), {"Name": "instance-state-name", "Values": ["pending", "running"]}]
    instances = [
        instance
        for reservation in ec2.describe_instances(Filters=filters)["Reservations"]
        for instance in reservation["Instances"]
    ]
    stale = [instance["InstanceId"] for instance in instances if instance["ImageId"] != image]
    if stale:
        log("its image has changed: replacing the legacy host")
        ec2.terminate_instances(InstanceIds=stale)
    fresh: list[dict[str, Any]] = [instance for instance in instances if instance["ImageId"] == image]
    return fresh[0] if fresh else None


def _launch(ec2: Any, image: str, subnet: str) -> dict[str, Any]:
    tags = [{"Key": key, "Value": value} for key, value in HOST_TAGS.items()]
    made: dict[str, Any] = ec2.run_instances(
        ImageId=image,
        InstanceType="t3.large",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )
    instance: dict[str, Any] = made["Instances"][0]
    return instance


def _one_line(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _login(manager: Any) -> dict[str, Any]:
    found = _secret(manager, "postgres")
    return {"username": PROJECT, "password": found["password"] if found else secrets.token_hex(24)}


def _secret(manager: Any, what: str) -> dict[str, Any] | None:
    try:
        text = manager.get_secret_value(SecretId=f"{PROJECT}/{STAGE}/{what}")["SecretString"]
    except manager.exceptions.ResourceNotFoundException:
        return None
    value: dict[str, Any] = json.loads(text)
    return value


def _put(manager: Any, what: str, value: dict[str, Any]) -> None:
    name = f"{PROJECT}/{STAGE}/{what}"
    if _secret(manager, what) is not None:
        manager.put_secret_value(SecretId=name, SecretString=json.dumps(value))
        return
    tags = {"Project": PROJECT, "Stage": STAGE, "ManagedBy": MANAGED_BY}
    manager.create_secret(
        Name=name, SecretString=json.dumps(value), Tags=[{"Key": key, "Value": text} for key, text in tags.items()]
    )


def _tag(ec2: Any, resource: str, tags: dict[str, str]) -> None:
    ec2.create_tags(Resources=[resource], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


def _filters(tags: dict[str, str]) -> list[dict[str, Any]]:
    return [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
