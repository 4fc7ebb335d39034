"""What may be moved, and what is next, without a server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import plan, preflight
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import (
    Extension,
    Marker,
    Offer,
    Options,
    Runner,
    Server,
    Source,
    Target,
)

SERVER = Server(
    version=150018,
    identity="abc",
    superuser=False,
    encoding="UTF8",
    collate="C.UTF-8",
    ctype="C.UTF-8",
    collation_version="2.36",
    in_recovery=False,
    connections_free=90,
)
SOURCE = Source(server=SERVER, table_bytes=10**9)
TARGET = Target(server=replace(SERVER, identity="def"))
RUNNER = Runner(client_major=15, free_bytes=10**11, folder="/var/lib/x")


def findings(
    source: Source = SOURCE, target: Target = TARGET, runner: Runner = RUNNER, same: bool = False
) -> list[Any]:
    return preflight.check(source, target, runner, same, Options())


def server(**changes: Any) -> Server:
    return replace(SERVER, **changes)


def test_nothing_is_wrong_with_what_fits() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("change", "subject", "problem"),
    [
        ({"same": True}, "target", "same database"),
        ({"source": replace(SOURCE, server=server(version=160001))}, "target", "15 is older than the source's 16"),
        ({"source": replace(SOURCE, server=server(version=130001))}, "source", "no row hashes"),
        ({"runner": replace(RUNNER, client_major=17)}, "runner", "client 17 of PostgreSQL, the target is 15"),
        ({"runner": replace(RUNNER, client_major=0)}, "runner", "no client"),
        ({"target": replace(TARGET, server=server(in_recovery=True))}, "target", "read-only standby"),
        ({"target": replace(TARGET, server=server(encoding="LATIN1"))}, "target", "encoding is LATIN1"),
        ({"source": replace(SOURCE, server=server(encoding="SQL_ASCII"))}, "target", "source's is SQL_ASCII"),
        ({"source": replace(SOURCE, unreadable=("public.t",))}, "source public.t", "may not read"),
        ({"source": replace(SOURCE, hidden_by_policy=("public.t",))}, "source table public.t", "row level security"),
        ({"source": replace(SOURCE, policy_roles=("clerk",))}, "role clerk", "no such role"),
        ({"source": replace(SOURCE, prepared=("'tx'",))}, "source", "prepared transactions"),
        ({"target": replace(TARGET, may_create_schema=False)}, "target", "may not create schemas"),
        ({"target": replace(TARGET, may_create_in_public=False)}, "target", "schema public"),
        (
            {"target": replace(TARGET, server=server(connections_free=3))},
            "target",
            "3 connections are free, 4 jobs need 8",
        ),
        ({"runner": replace(RUNNER, free_bytes=10**9)}, "runner /var/lib/x", "up to 1.5 GiB, 0.9 GiB are free"),
    ],
)
def test_each_reason_to_refuse(change: dict[str, Any], subject: str, problem: str) -> None:
    found = findings(**change)
    assert [finding.subject for finding in found if finding.fatal] == [subject]
    assert problem in found[0].problem
    assert found[0].mend


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (replace(SOURCE, server=server(encoding="LATIN1")), TARGET, []),  # the client converts
        (SOURCE, replace(TARGET, server=server(version=160002)), ["runner"]),  # newer is fine, with its own client
        (SOURCE, replace(TARGET, server=server(collate="de_DE.utf8")), ["collation"]),
        (
            replace(SOURCE, event_triggers=("guard",), publications=("all",)),
            TARGET,
            ["event trigger guard", "publication all"],
        ),
        (replace(SOURCE, writers=("2 of app",)), TARGET, ["source"]),
        (replace(SOURCE, policy_roles=("clerk",)), replace(TARGET, roles=frozenset({"clerk"})), []),
    ],
)
def test_what_is_only_worth_a_word(source: Source, target: Target, said: list[str]) -> None:
    found = findings(source=source, target=target)
    assert [finding.subject for finding in found] == said
    assert not [finding for finding in found if finding.fatal and finding.subject != "runner"]


@pytest.mark.parametrize(
    ("offer", "superuser", "rds", "refused"),
    [
        (None, True, True, True),
        (Offer("1.0", trusted=True, installed=False), False, False, False),
        (Offer("1.0", trusted=False, installed=False), False, False, True),
        (Offer("1.0", trusted=False, installed=True), False, False, False),
        (Offer("1.0", trusted=False, installed=False), True, False, False),
        (Offer("1.0", trusted=False, installed=False), False, True, False),
    ],
)
def test_extensions_by_what_the_target_offers(offer: Offer | None, superuser: bool, rds: bool, refused: bool) -> None:
    source = replace(SOURCE, server=server(extensions=(Extension("postgis", "3.3", "public"),)))
    offers = {} if offer is None else {"postgis": offer}
    target = replace(TARGET, server=server(superuser=superuser), offers=offers, rds_superuser=rds)
    assert bool(findings(source=source, target=target)) is refused


def marker(phase: str, move: str = "m1", source: str = "old:5432/shop", identity: str = "abc") -> Marker:
    return Marker(move=move, source=source, identity=identity, phase=phase, runner="r1", finished="2026-01-01")


@pytest.mark.parametrize(
    ("found", "label", "identity", "done"),
    [
        (None, "old:5432/shop", "abc", False),
        (marker("finished"), "old:5432/shop", "", True),
        (marker("finished"), "10.0.0.9:5432/shop", "abc", True),  # the host has a new address
        (marker("finished"), "other:5432/shop", "xyz", False),
        (marker("finished", identity=""), "other:5432/shop", "", False),
        (marker("restored"), "old:5432/shop", "abc", False),
        (marker("rejected"), "old:5432/shop", "abc", False),
    ],
)
def test_only_this_moves_finished_result_is_left_alone(
    found: Marker | None, label: str, identity: str, done: bool
) -> None:
    assert plan.finished(found, label, identity) is done


@pytest.mark.parametrize(
    ("found", "objects", "journal", "refused"),
    [
        (None, (), {}, ""),
        (None, ("table public.t",), {"id": "m1"}, "not empty (table public.t)"),
        (marker("restoring"), ("table public.t",), {"id": "m1"}, ""),
        (marker("rejected"), ("table public.t",), {"id": "m1"}, ""),
        (marker("restoring"), (), {"id": "m2"}, "journal is not here"),
        (marker("restoring"), (), {}, "journal is not here"),
        (marker("finished"), (), {"id": "m1"}, "finished move of another database"),
    ],
)
def test_a_target_is_empty_or_ours_or_refused(
    found: Marker | None, objects: tuple[str, ...], journal: dict[str, Any], refused: str
) -> None:
    said = preflight.check_target_content(replace(TARGET, marker=found, objects=objects), journal)
    assert [finding.problem for finding in said if refused in finding.problem] == [finding.problem for finding in said]
    assert bool(said) is bool(refused)


@pytest.mark.parametrize(
    ("phase", "identity", "on_target", "dump", "steps"),
    [
        ("new", "abc", None, False, ["dump", "restore", "verify"]),
        ("dumped", "abc", None, True, ["restore", "verify"]),
        ("dumped", "abc", None, False, ["dump", "restore", "verify"]),
        ("dumped", "xyz", None, True, ["dump", "restore", "verify"]),  # another database at the same address
        ("restoring", "abc", "restoring", True, ["restore", "verify"]),
        ("restoring", "abc", "restoring", False, ["dump", "restore", "verify"]),
        ("restored", "abc", "restored", True, ["verify"]),
        ("restored", "abc", "restored", False, ["verify"]),  # killed between dropping the dump and the last mark
        ("restored", "abc", None, True, ["restore", "verify"]),  # the target was made anew
        ("rejected", "abc", "rejected", True, ["dump", "restore", "verify"]),
        ("finished", "abc", None, True, ["dump", "restore", "verify"]),  # a kept dump is old
    ],
)
def test_where_an_interrupted_move_goes_on(
    phase: str, identity: str, on_target: str | None, dump: bool, steps: list[str]
) -> None:
    target = replace(TARGET, marker=marker(on_target) if on_target else None)
    next_phase = plan.next_phase(target, {"phase": phase, "identity": identity}, "abc", dump)
    assert plan.remaining(next_phase) == steps


def test_a_finished_move_has_nothing_left() -> None:
    assert plan.remaining("finished") == []
    assert sum(plan.estimate(SOURCE, []).values()) == 0
    assert plan.estimate(SOURCE, ["dump", "restore"])["restore"] > plan.estimate(SOURCE, ["dump"])["dump"]
