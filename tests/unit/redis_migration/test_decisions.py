"""What is decided without a server."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import content, preflight
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint, endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import (
    RedisConnectError,
    RedisMoveError,
    ReplyError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.freeze import _selectors, migration_login
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.keys import batches
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import (
    MARKER,
    Options,
    Server,
    rules,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.run import (
    DONE,
    NEXT,
    VERBS,
    WORK,
    has_work,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.server import databases, product
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.stream import after
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.survey import Survey
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import (
    Link,
    about,
    encode,
    explain,
    restores,
)

MIB = 1024**2
OLD = Server(
    "redis",
    (7, 0, 15),
    "aaa",
    "master",
    False,
    {0: 10},
    10 * MIB,
    0,
    "noeviction",
    0,
    0.0,
    frozenset({"scan", "dump", "acl"}),
)
NEW = replace(OLD, run_id="bbb", databases={}, max_memory=1000 * MIB)


def found(
    source: Server = OLD, target: Server = NEW, there: preflight.TargetContent | None = None, **survey: Any
) -> list[str]:
    seen = Survey()
    seen.keys.update(survey.pop("keys", {"state": 10}))
    seen.bytes.update(survey.pop("bytes", {"state": MIB}))
    for name, value in survey.items():
        setattr(seen, name, value)
    findings = preflight.check(source, target, seen, there or preflight.TargetContent(), "me", Options())
    return [("" if finding.fatal else "note: ") + f"{finding.subject}: {finding.problem}" for finding in findings]


def test_nothing_stands_in_the_way() -> None:
    assert found() == []
    assert found(there=preflight.TargetContent(marker="me")) == []


def test_what_the_move_has_put_there_already_is_not_counted_twice() -> None:
    full = replace(NEW, used_memory=700 * MIB)
    state = {"state": 600 * MIB}
    assert found(target=full, bytes=state, there=preflight.TargetContent(marker="me", copied_bytes=600 * MIB)) == []
    told = found(target=full, bytes=state, there=preflight.TargetContent(marker="me", copied_bytes=10 * MIB))
    assert told == ["target: 600 MiB are to be moved and 310 MiB are free"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"target": replace(NEW, run_id="aaa")}, "target: it is the same server as the source"),
        ({"source": replace(OLD, cluster=True)}, "source: cluster mode is on"),
        ({"source": replace(OLD, version=(5, 0))}, "source: redis 5.0 is older than 6.0"),
        ({"target": replace(NEW, role="slave")}, "target: this is a replica"),
        ({"target": replace(NEW, clock=-40_000.0)}, "clocks: the clocks of the servers are 40.0 s apart"),
        ({"target": replace(NEW, clock=900.0)}, "note: clocks: the clocks of the servers are 0.9 s apart"),
        ({"source": replace(OLD, can=frozenset({"scan", "acl"}))}, "note: source: DUMP is refused"),
        ({"source": replace(OLD, can=frozenset({"scan", "dump"}))}, "note: source: neither ACL nor CONFIG may be used"),
        ({"foreign": ["doc:1 (ReJSON-RL)"], "foreign_count": 1}, "keys: 1 keys are of types that the target does not know: doc:1 (ReJSON-RL)"),
        ({"ending": ["cart:7"]}, "note: keys: members of hashes or sets have expiries of their own: cart:7. A target"),
        ({"functions": ["lib"]}, "note: functions: function libraries are not moved: lib"),
        ({"target": replace(NEW, policy="allkeys-lru")}, "note: target: its maxmemory-policy allkeys-lru may throw away state"),
        ({"bytes": {"state": 990 * MIB}}, "target: 990 MiB are to be moved and 990 MiB are free"),
        ({"there": preflight.TargetContent(marker="other")}, "target: it carries the marker of another move (other)"),
        ({"there": preflight.TargetContent(foreign_keys=3, sample=("a", "b"))}, "target: it is not empty: 3 keys, such as a, b"),
        ({"source": replace(OLD, evicted=5, policy="allkeys-lfu")}, "note: source: it has evicted 5 keys"),
        ({"keys": {"state": 1, "cache": 7}}, "note: keys: 7 keys are declared as cache and stay behind"),
        ({"source": replace(OLD, databases={0: 1, 3: 2})}, "note: source: databases 3 are in use"),
    ],
)  # fmt: skip
def test_each_finding_alone(given: dict[str, Any], told: str) -> None:
    findings = found(**given)
    assert len(findings) == 1
    assert findings[0].startswith(told)


def test_the_first_rule_that_matches_holds_and_the_marker_is_nobodys() -> None:
    made = rules(
        [
            {"keys": "cache:keep:*", "kind": "state"},
            {"keys": "cache:*", "kind": "cache"},
            {"keys": "m?", "kind": "skip"},
        ],
        False,
    )
    told = {key: made.of(key) for key in (b"cache:keep:1", b"cache:1", b"m1", b"m12", b"cache:\n\xff", MARKER)}
    assert list(told.values()) == ["state", "cache", "skip", "state", "cache", "skip"]
    assert made.with_cache_as_state().of(b"cache:1") == "state"


def test_batches_are_cut_by_number_and_by_bytes() -> None:
    keys = [b"a", b"b", b"c", b"d", b"e"]
    assert list(batches(keys, [1, 1, 9, 1, 1], 2, 10)) == [[b"a", b"b"], [b"c", b"d"], [b"e"]]
    assert list(batches(keys, [50, 1, 1, 1, 1], 10, 10)) == [[b"a"], [b"b", b"c", b"d", b"e"]]
    assert list(batches([], [], 10, 10)) == []


def test_every_verb_is_placed_in_every_phase() -> None:
    for verb in VERBS[1:]:
        for phase in NEXT:
            if phase in WORK[verb]:
                assert has_work(verb, phase)
            elif phase in DONE[verb]:
                assert not has_work(verb, phase)
            else:
                with pytest.raises(RedisMoveError, match=f"{verb} is out of order: the move is {phase}, next is"):
                    has_work(verb, phase)
        assert not WORK[verb] & DONE[verb]


def test_faults_of_an_endpoint_come_at_once() -> None:
    given = {"host": "", "port": 99999, "username": "u", "password": "", "tls": False, "ca_file": "/x\n"}
    with pytest.raises(RedisMoveError) as error:
        endpoint("target", given)
    for fault in (
        "host is empty",
        "line break",
        "port is 99999",
        "username needs",
        "nothing would be verified",
        "tls is off",
    ):
        assert fault in str(error.value)
    assert "secret-word" not in repr(Endpoint("source", "h", 1, password="secret-word"))  # noqa: S106


def test_a_failure_names_the_server_and_the_mend() -> None:
    where = Endpoint("target", "h", 6379, ca_file="/ca.pem")
    assert explain(where, "certificate verify failed: unable to get local issuer certificate").endswith(
        "Mend: the certificate is not signed by /ca.pem: give the right CA file"
    )
    assert "target h:6379 as default" in explain(where, "WRONGPASS x")


def test_the_wire_reads_what_servers_write() -> None:
    link = Link.__new__(Link)
    link.where = Endpoint("source", "h", 1)
    link._file = io.BytesIO(b"*4\r\n$3\r\na\r\n\r\n$-1\r\n:-7\r\n*2\r\n+OK\r\n-ERR no\r\n*-1\r\n$5\r\ncut")  # type: ignore[assignment]
    reply = link.read()
    assert reply[:3] == [b"a\r\n", None, -7]
    assert reply[3][0] == b"OK"
    assert isinstance(reply[3][1], ReplyError)
    assert link.read() is None
    with pytest.raises(RedisConnectError, match="closed"):
        link.read()
    assert encode([("SET", b"\xff", 1)]) == b"*3\r\n$3\r\nSET\r\n$1\r\n\xff\r\n$1\r\n1\r\n"


@pytest.mark.parametrize(
    "command",
    [
        ("PING",),
        ("DUMP", b"k\r\n"),
        ("MEMORY", "USAGE", b"\x00\xff"),
        ("PEXPIRETIME", b""),
        ("SET", b"k", b"v"),
        (b"DUMP", b"k"),
        ("SET", b"k", 0.25),
        ("XREAD", 1, b"k"),
        ("AUTH", "\u00fc"),
        ("RESTORE", b"k", 1795000000000, b"payload", "REPLACE", "ABSTTL"),
    ],
)
def test_every_form_of_a_command_is_written_as_any(command: tuple[Any, ...]) -> None:
    words = [word if isinstance(word, bytes) else str(word).encode() for word in command]
    plain = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
    assert encode([command, command]) == plain * 2


def test_commands_of_a_pass_are_written_as_any() -> None:
    keys = [b"k\r\n", b"", b"\x00\xff%d"]
    for verbs in (("DUMP",), ("MEMORY USAGE",), ("DUMP", "PEXPIRETIME"), ("TYPE", "MEMORY USAGE", "PTTL")):
        assert about(keys, *verbs) == encode([(*verb.split(), key) for key in keys for verb in verbs])
    assert about([], "DUMP") == b""
    rows = [(key, b"1795000000000", b"%b\r\n") for key in keys]
    assert restores(rows) == encode([("RESTORE", *row, "REPLACE", "ABSTTL") for row in rows])


def test_products_and_databases_are_told_from_info() -> None:
    assert product({"redis_version": "7.2.4", "valkey_version": "8.0.1"}) == ("valkey", (8, 0, 1))
    assert product({"redis_version": "7.4.0", "dragonfly_version": "df-v1.34.2"}) == ("dragonfly", (1, 34, 2))
    assert product({"redis_version": "6.2.6"}) == ("redis", (6, 2, 6))
    assert databases({"db0": "keys=5,expires=1,avg_ttl=0", "db3": "keys=1", "db1": "keys=0", "dbx": ""}) == {0: 5, 3: 1}


def test_commands_that_make_a_key_again() -> None:
    assert content.write(b"s", content.Content(b"string", b"v", 77)) == [("SET", b"s", b"v"), ("PEXPIREAT", b"s", 77)]
    made = content.write(b"z", content.Content(b"zset", {b"a": float("-inf"), b"b": 0.1}))
    assert made == [("UNLINK", b"z"), ("ZADD", b"z", "-inf", b"a", "0.1", b"b")]


def test_ids_of_a_stream_go_on_over_the_end_of_a_millisecond() -> None:
    assert after(b"5-7") == b"5-8"
    assert after(b"5-18446744073709551615") == b"6-0"


def test_the_login_of_the_move_is_the_same_in_every_run_and_tells_nothing() -> None:
    source = Endpoint("source", "h", 1, password="pw")  # noqa: S106
    assert migration_login(source, "id") == migration_login(source, "id")
    assert migration_login(source, "id").password != migration_login(source, "other").password


def test_selectors_are_refused_and_restored_as_a_whole() -> None:
    rights = {"commands": "+get", "selectors": [{"commands": "-@all +set", "keys": "~a*", "channels": ""}]}
    assert _selectors(rights, " -@write") == ["clearselectors", "(-@all +set ~a* -@write)"]
    assert _selectors({"commands": "+@all", "selectors": []}, " -@write") == []
