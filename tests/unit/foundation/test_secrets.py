"""Secrets: made once, never changed, never shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._secret.api import SecretsManager
from ansible_collections.tiketi.platform.plugins.module_utils._secret.errors import SecretError
from ansible_collections.tiketi.platform.plugins.module_utils._secret.model import ALPHABETS, parse
from ansible_collections.tiketi.platform.plugins.module_utils._secret.plan import Current, diff, plan
from moto import mock_aws

TOKEN = {"length": 64, "alphabet": "redis"}
TAGS = {"Project": "t"}
DECLARED = [{"name": "t/k3s/redis-auth", "keys": {"token": TOKEN, "username": {"value": "u"}}}]


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"token": {"length": 8, "alphabet": "redis"}}, "16 to 128"),
        ({"token": {"length": 200, "alphabet": "redis"}}, "16 to 128"),
        ({"token": {"length": "64"}}, "number"),
        ({"token": {"alphabet": "emoji", "length": 20}}, "emoji"),
        ({"token": {"lenght": 20, "length": 20}}, "lenght"),
        ({"token": {"value": "x", "length": 20}}, "excludes"),
        ({"token": "x"}, "constant"),
        ({}, "at least one key"),
    ],
)
def test_a_wrong_declaration_is_refused(keys: Mapping[str, Any], text: str) -> None:
    with pytest.raises(SecretError, match=text):
        parse([{"name": "t/a", "keys": keys}])


def test_all_faults_of_a_declaration_come_at_once() -> None:
    bad = {"keys": {"token": {"length": 1}}}
    with pytest.raises(SecretError) as caught:
        parse([{"name": "a", **bad}, {"name": "b", **bad}, {"name": "b", **bad}])
    assert all(text in str(caught.value) for text in ("a.token", "b.token", "declared twice"))


def test_made_values_are_of_their_alphabet_and_differ() -> None:
    shape = parse(DECLARED)[0].shapes[0]
    values = {shape.make() for _ in range(50)}
    assert len(values) == 50
    assert all(len(value) == 64 and set(value) <= set(ALPHABETS["redis"]) for value in values)


@pytest.mark.parametrize(
    ("current", "actions"),
    [
        ({}, [("t/k3s/redis-auth", True, ["token", "username"])]),
        ({"token": "x" * 20, "username": "u"}, []),
        ({"token": "x" * 20, "username": "u", "mine": 1}, []),
        ({"username": "u"}, [("t/k3s/redis-auth", False, ["token"])]),
    ],
)
def test_plan(current: dict[str, Any], actions: list[tuple[str, bool, list[str]]]) -> None:
    tags = {**TAGS, "Name": "t/k3s/redis-auth"}
    found = {"t/k3s/redis-auth": Current(current, tags)} if current else {}
    made = plan(found, parse(DECLARED), TAGS)
    assert [(a.name, a.create, [shape.key for shape in a.add]) for a in made] == actions


@pytest.mark.parametrize("token", ["short", "x" * 129, "with spaces are refused too", "quote'" * 5])
def test_a_token_that_elasticache_would_refuse_is_named_and_not_shown(token: str) -> None:
    found = {"t/k3s/redis-auth": Current({"token": token, "username": "u"}, {})}
    with pytest.raises(SecretError, match=r"token of t/k3s/redis-auth") as caught:
        plan(found, parse(DECLARED), TAGS)
    assert token not in str(caught.value)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield boto3.client("secretsmanager", region_name="ap-northeast-2")


def _run(client: Any) -> tuple[int, str]:
    store, wanted = SecretsManager(client), parse(DECLARED)
    current = store.read([secret.name for secret in wanted])
    actions = plan(current, wanted, TAGS)
    for action in actions:
        store.apply(action, current)
    return len(actions), str(diff(current, actions)) + repr(actions) + repr(current)


def _content(client: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(client.get_secret_value(SecretId="t/k3s/redis-auth")["SecretString"])
    return content


def test_created_once_then_left_alone_and_never_shown(client: Any) -> None:
    first, shown = _run(client)
    made = _content(client)
    second, shown_again = _run(client)
    assert (first, second) == (1, 0)
    assert _content(client) == made
    assert made["token"] not in shown + shown_again


def test_a_missing_key_is_added_beside_the_others(client: Any) -> None:
    kept = {"username": "u", "mine": "stays"}
    client.create_secret(Name="t/k3s/redis-auth", SecretString=json.dumps(kept))
    assert _run(client)[0] == 1
    made = _content(client)
    assert {key: made[key] for key in kept} == kept
    assert len(made["token"]) == 64
    tags = client.describe_secret(SecretId="t/k3s/redis-auth")["Tags"]
    assert {"Key": "Project", "Value": "t"} in tags


def test_a_secret_that_waits_for_its_deletion_is_refused_with_the_mend(client: Any) -> None:
    _run(client)
    client.delete_secret(SecretId="t/k3s/redis-auth")
    with pytest.raises(SecretError, match="restore-secret"):
        _run(client)


def test_a_secret_that_is_no_object_is_refused_without_its_text(client: Any) -> None:
    client.create_secret(Name="t/k3s/redis-auth", SecretString="hunter2hunter2")
    with pytest.raises(SecretError) as caught:
        _run(client)
    assert "hunter2" not in str(caught.value)


def test_a_constant_follows_its_declaration_only_where_told_so(client: Any) -> None:
    manager = SecretsManager(client)

    def ensure(host: str, user: str) -> list[str]:
        wanted = parse(
            [{"name": "t/x/postgres", "keys": {"host": {"value": host, "current": True}, "username": {"value": user}}}]
        )
        current = manager.read(["t/x/postgres"])
        actions = plan(current, wanted, TAGS)
        for action in actions:
            manager.apply(action, current)
        return [shape.key for action in actions for shape in action.add]

    assert ensure("10.0.0.1", "a") == ["host", "username"]
    assert ensure("10.0.0.1", "a") == []
    assert ensure("10.0.0.2", "b") == ["host"]
    assert manager.read(["t/x/postgres"])["t/x/postgres"].content == {"host": "10.0.0.2", "username": "a"}
    client.put_secret_value(SecretId="t/x/postgres", SecretString='{"host": 7, "username": "a"}')
    assert ensure("10.0.0.2", "a") == ["host"], "whatever it was"
