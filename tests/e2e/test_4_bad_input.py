"""Bad input is told before anything is touched: every fault in one message, with the name and the mend."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest

from tests.e2e.support import Outcome, environment, run

WRONG = {
    "k3s_common_cluster_cidr": "10.42.0.0",
    "k3s_common_service_cidr": "10.89.0.0/17",  # inside the VPC
    "elasticache_redis_replica_count": "two",
    "elasticache_redis_multi_az": "maybe",
    "k3s_comon_version": "v1.34.4+k3s1",
    "platform_project": "",
    "service_overrides": {"auth": {"replcas": 2}, "payment": {"paths": ["/api/v1/auth"]}},
    "aurora_postgres_instance_count": -1,
}
NAMED = [
    "k3s_common_cluster_cidr",
    "k3s_common_service_cidr",
    "elasticache_redis_replica_count",
    "elasticache_redis_multi_az",
    "k3s_comon_version",
    "platform_project",
    "replcas",
    "/api/v1/auth",
]

NUMBERS = {
    "aurora_postgres_port": 70000,
    "elasticache_redis_replica_count": 9,
    "k3s_common_wait_timeout": 0,
    "network_cidr": "10.89.0.0/24",
    "aurora_postgres_maintenance_window": "sun:03:30-sun:04:30",  # during the backup
    "aurora_postgres_instance_class": "t4g.medium",
    "k3s_common_version": "1.34",
    "secrets_shapes": {"redis-auth": {"token": {"length": 8, "alphabet": "redis"}}},
    "service_overrides": {
        "auth": {"replicas": -1},
        "event": {"hpa": {"min": 0, "max": 2}},
        "queue": {"port": 70000},
        "payment": {"hpa": {"min": 4, "max": 2}},
        "reservation": {"resources": {"limits": {"memory": "lots"}}},
    },
}
OUT_OF_RANGE = [
    *(name for name in NUMBERS if name not in ("service_overrides", "secrets_shapes")),
    "secrets_shapes.redis-auth.token",
    "service_overrides.auth",
    "hpa.min",
    "hpa.max",
    "70000 is out of range",
    "resources.limits.memory",
]

# Of the move of living data: the words are tests/unit/preflight/test_playbooks.py's.
OF_THE_MOVE = {
    "migration_stp": "preflight",
    "migration_step": "sed",
    "postgres_migration_freze_budget": 10,
    "postgres_migration_freeze_budget": 0,
    "postgres_migration_slot_wal_limit": 1,
    "postgres_migration_part_bytes": "256MB",
    "redis_migration_freeze_limit": 0,
    "postgres_migration_compare": "some",
    "postgres_migration_redis": {
        "source_secret": "tiketi/single/redis",
        "target": "{{ hostvars['account']['redis_facts'] }}",
        "copy_cahce": True,
    },
    "postgres_migration_pooler": {"databse": "tiketi", "active_file": "/etc/pgbouncer/databases.ini"},
}
NAMED_OF_THE_MOVE = [
    "migration_stp: is not an option of any role",
    "did you mean migration_step?",
    'migration_step: is the text "sed"',
    "did you mean postgres_migration_freeze_budget?",
    "postgres_migration_freeze_budget: is the number 0",
    "postgres_migration_slot_wal_limit: is the number 1",
    "give it 67108864 or more",
    'postgres_migration_part_bytes: is the text "256MB", expected a whole number',
    "redis_migration_freeze_limit: is the number 0",
    "choose one of changed, full",
    "postgres_migration_redis.copy_cahce: is unknown",
    "postgres_migration_pooler.databse: is unknown",
    "postgres_migration_pooler.database: is missing",
]


def _nothing_touched(outcome: Outcome) -> None:
    assert outcome.code == 2, outcome.tail()
    assert outcome.changed == 0, outcome.tail()
    assert [phase["name"] for phase in outcome.summary["phases"]] == ["Preflight"], outcome.tail()


def test_all_faults_come_at_once() -> None:
    outcome = run("-e", json.dumps(WRONG), name="bad-input")
    _nothing_touched(outcome)
    missing = [name for name in NAMED if name not in outcome.output]
    assert not missing, f"not named: {missing}\n{outcome.tail()}"
    assert outcome.summary["seconds"] < 10


def test_numbers_and_forms_are_bounded() -> None:
    outcome = run("-e", json.dumps(NUMBERS), name="bad-numbers")
    _nothing_touched(outcome)
    missing = [name for name in OUT_OF_RANGE if name not in outcome.output]
    assert not missing, f"not named: {missing}\n{outcome.tail()}"


@pytest.mark.parametrize("playbook", ["site.yml", "playbooks/migrate_postgres.yml"])
@pytest.mark.fewer("site.yml")
def test_a_move_that_is_told_wrong_is_not_begun(playbook: str) -> None:
    outcome = run("-e", json.dumps(OF_THE_MOVE), name="bad-move", stage="managed", playbook=playbook)
    _nothing_touched(outcome)
    missing = [words for words in NAMED_OF_THE_MOVE if words not in outcome.output]
    assert not missing, f"not named: {missing}\n{outcome.tail()}"


@pytest.mark.parametrize(
    ("version", "words"),
    [("v1.33.9+k3s1", "K3s cannot go back"), ("v1.36.0+k3s1", "skips a minor version after v1.34")],
)
@pytest.mark.fewer("v1.36.0+k3s1-skips a minor version after v1.34")
def test_a_version_that_the_cluster_cannot_go_to(version: str, words: str, tmp_path: Path) -> None:
    """No host is made for a cluster that refuses."""
    more = tmp_path / "more.yml"
    more.write_text("k3s_agents:\n  hosts:\n    agent-9:\n", encoding="utf-8")
    outcome = run("-i", str(more), "-e", f"k3s_common_version={version}", name=f"version-{version[:5]}")
    _nothing_touched(outcome)
    assert words in outcome.output, outcome.tail()
    said = {host for host, counts in outcome.recap.items() if counts["failed"]}
    assert said == {"server-1", "agent-1", "agent-2"}, "each node that is there"
    assert "k3s_common_version" in outcome.output


@pytest.fixture
def short_token() -> Iterator[str]:
    """A secret of the stage that somebody else made, with a token that ElastiCache refuses."""
    env = environment()
    client = boto3.client(
        "secretsmanager",
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_secret(Name="tiketi/k3s/e2e-token", SecretString=json.dumps({"token": "short@/"}))
    yield "short@/"
    client.delete_secret(SecretId="tiketi/k3s/e2e-token", ForceDeleteWithoutRecovery=True)


def test_a_token_that_is_there_is_held_against_the_rules_of_elasticache(short_token: str) -> None:
    shapes = {"app-signing": {"key": {"length": 64}}, "e2e-token": {"token": {"length": 64, "alphabet": "redis"}}}
    outcome = run("-e", json.dumps({"secrets_extra_shapes": shapes}), name="bad-token")
    assert outcome.code == 2, outcome.tail()
    assert outcome.changed == 0, outcome.tail()
    assert "key token of tiketi/k3s/e2e-token has 7 characters; ElastiCache takes 16 to 128" in outcome.output
    assert short_token not in outcome.output


def test_an_even_number_of_servers_is_refused(tmp_path: Path) -> None:
    more = tmp_path / "more.yml"
    more.write_text("k3s_servers:\n  hosts:\n    server-2:\n", encoding="utf-8")
    outcome = run("-i", str(more), name="even-servers")
    _nothing_touched(outcome)
    assert "k3s_servers" in outcome.output


@pytest.mark.parametrize(
    ("name", "env"),
    [
        ("no-credentials", {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": "/nonexistent"}),
        ("no-endpoint", {"AWS_ENDPOINT_URL": "http://10.89.64.2:1"}),
    ],
)
def test_without_aws_the_first_error_says_so(name: str, env: dict[str, str]) -> None:
    outcome = run(name=name, **env)
    assert outcome.code != 0
    assert outcome.changed == 0
    wanted = ("AWS credentials: were not found", "set AWS_PROFILE") if name == "no-credentials" else ("10.89.64.2:1",)
    assert all(words in outcome.output for words in wanted), outcome.tail()


@pytest.fixture
def refusing() -> Iterator[ThreadingHTTPServer]:
    """An AWS that knows nobody: the emulator takes any credentials."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            code = server.code  # type: ignore[attr-defined]
            error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>refused</Message></Error>"
            body = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode()
            self.send_response(403)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("code", "words", "mend"),
    [
        ("ExpiredToken", "AWS credentials: have expired", "sign in again"),
        ("InvalidClientTokenId", "AWS credentials: are refused (InvalidClientTokenId", "AWS_PROFILE"),
    ],
)
def test_credentials_that_aws_refuses(refusing: ThreadingHTTPServer, code: str, words: str, mend: str) -> None:
    refusing.code = code  # type: ignore[attr-defined]
    endpoint = f"http://127.0.0.1:{refusing.server_address[1]}"
    outcome = run(name=f"credentials-{code}", AWS_ENDPOINT_URL=endpoint)
    _nothing_touched(outcome)
    assert words in outcome.output, outcome.tail()
    assert mend in outcome.output, outcome.tail()
