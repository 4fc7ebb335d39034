"""An outside look at what the roles made: by boto3, and by the clients that an application uses."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
import redis

from sandbox import engine, ministack
from sandbox.settings import ENDPOINT, Paths

NAME = "molecule-stores"
STAGE: dict[str, Any] = json.loads(Path(os.environ["DATA_STORES_STAGE"]).read_text())


def secret(what: str) -> dict[str, str]:
    answer = boto3.client("secretsmanager").get_secret_value(SecretId=f"molecule/stores/{what}")
    values: dict[str, str] = json.loads(answer["SecretString"])
    return values


def resolved(name: str) -> str:
    """What a host of the sandbox's network takes the name for."""
    ask = f"import socket; print(socket.gethostbyname({name!r}))"
    found = engine.find(Paths())
    assert found, "the sandbox answers, and its container engine does not: python -m sandbox doctor"
    return found.output("exec", ministack.CONTAINER, "python3", "-c", ask)


@pytest.fixture(scope="module")
def cluster() -> dict[str, Any]:
    found: dict[str, Any] = boto3.client("rds").describe_db_clusters(DBClusterIdentifier=f"{NAME}-aurora")[
        "DBClusters"
    ][0]
    return found


@pytest.fixture(scope="module")
def group() -> dict[str, Any]:
    answer = boto3.client("elasticache").describe_replication_groups(ReplicationGroupId=f"{NAME}-redis")
    found: dict[str, Any] = answer["ReplicationGroups"][0]
    return found


@pytest.fixture(scope="module")
def database(cluster: dict[str, Any]) -> dict[str, str]:
    """How to reach PostgreSQL: its name resolves on the network of the sandbox only, so its address is asked for there."""
    if os.environ["AWS_ENDPOINT_URL"] != ENDPOINT:
        pytest.skip("no PostgreSQL and Redis behind this emulator: it is not the sandbox, but an API only")
    return {
        "host": cluster["Endpoint"],
        "hostaddr": resolved(cluster["Endpoint"]),
        "dbname": "molecule",
        "user": secret("aurora-master")["username"],
        "password": secret("aurora-master")["password"],
        "sslrootcert": STAGE["aurora_ca_file"],
    }


def test_aurora_is_as_the_guide_asks(cluster: dict[str, Any]) -> None:
    assert cluster["Status"] == "available"
    assert cluster["EngineVersion"].startswith("15.")
    assert cluster["StorageEncrypted"]
    assert cluster["BackupRetentionPeriod"] == 7
    assert cluster["PreferredBackupWindow"] == "03:00-04:00"
    assert cluster["EnabledCloudwatchLogsExports"] == ["postgresql"]
    groups = [g["VpcSecurityGroupId"] for g in cluster["VpcSecurityGroups"]]
    assert groups == [STAGE["network_facts"]["security_groups"]["aurora"]]


def test_aurora_has_a_writer_and_a_reader_in_private_subnets(cluster: dict[str, Any]) -> None:
    rds = boto3.client("rds")
    assert len(cluster["DBClusterMembers"]) == 2
    assert sorted(member["IsClusterWriter"] for member in cluster["DBClusterMembers"]) == [False, True]
    for member in cluster["DBClusterMembers"]:
        found = rds.describe_db_instances(DBInstanceIdentifier=member["DBInstanceIdentifier"])["DBInstances"][0]
        assert found["DBInstanceStatus"] == "available"
        assert not found["PubliclyAccessible"]
    subnets = rds.describe_db_subnet_groups(DBSubnetGroupName=f"{NAME}-aurora")["DBSubnetGroups"][0]["Subnets"]
    assert sorted(s["SubnetIdentifier"] for s in subnets) == sorted(STAGE["network_facts"]["private_subnet_ids"])


def test_redis_is_as_the_guide_asks(group: dict[str, Any]) -> None:
    assert group["Status"] == "available"
    assert group["TransitEncryptionEnabled"]
    assert group["AtRestEncryptionEnabled"]
    assert group["SnapshotRetentionLimit"] == 5


def test_redis_has_a_replica_a_token_and_failover(group: dict[str, Any]) -> None:
    assert len(group["NodeGroups"][0]["NodeGroupMembers"]) == 2
    assert group["AuthTokenEnabled"]
    assert (group["AutomaticFailover"], group["MultiAZ"]) == ("enabled", "enabled")
    found = boto3.client("elasticache").describe_cache_parameters(CacheParameterGroupName=f"{NAME}-redis-redis7")
    values = {p["ParameterName"]: p["ParameterValue"] for p in found["Parameters"]}
    assert values["maxmemory-policy"] == "noeviction"


def test_the_group_names_the_version_of_its_token_and_not_the_token(group: dict[str, Any]) -> None:
    tags = boto3.client("elasticache").list_tags_for_resource(ResourceName=group["ARN"])["TagList"]
    version = next(tag["Value"] for tag in tags if tag["Key"] == "AuthTokenVersion")
    current = boto3.client("secretsmanager").get_secret_value(SecretId="molecule/stores/redis-auth")
    assert version == current["VersionId"]
    assert json.loads(current["SecretString"])["token"] not in str(tags)


def test_postgres_answers_over_verified_tls(database: dict[str, str]) -> None:
    with psycopg.connect(**database, sslmode="verify-full") as connection:
        row = connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
        assert row == (True,)
        assert connection.info.server_version // 10000 == 15


def test_postgres_is_not_trusted_under_another_ca(database: dict[str, str]) -> None:
    bundle = Path(__file__).parents[2] / "roles/aurora_postgres/files/rds-global-bundle.pem"
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(**{**database, "sslrootcert": str(bundle)}, sslmode="verify-full")


def test_redis_answers_over_verified_tls_with_the_current_token_only(
    group: dict[str, Any], database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = group["NodeGroups"][0]["PrimaryEndpoint"]
    there, plain = resolved(address["Address"]), socket.getaddrinfo
    # The client has no other way to be told an address beside the name that it verifies.
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more: plain(there if host == address["Address"] else host, *more)
    )
    tls = {"ssl": True, "ssl_ca_certs": STAGE["redis_ca_file"]}
    token = secret("redis-auth")["token"]
    client = redis.Redis(address["Address"], address["Port"], password=token, **tls)
    assert client.ping()
    assert client.info("server")["redis_version"].startswith("7.0.")
    for wrong in (None, f"{token}x"):
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(address["Address"], address["Port"], password=wrong, **tls).ping()
    with pytest.raises(redis.ConnectionError):
        redis.Redis(address["Address"], address["Port"], password=token).ping()
