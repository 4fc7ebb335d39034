"""When the old stores may go, and what goes; with an engine of paper and journals in a folder."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._compose.model import Container
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import args, status
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint as RedisEndpoint
from ansible_collections.tiketi.platform.plugins.module_utils._retire import backup, evidence, host, plan, run
from ansible_collections.tiketi.platform.plugins.module_utils._retire.errors import RefusedError, RetireError
from ansible_collections.tiketi.platform.plugins.module_utils._retire.model import Answers, Found, Wish

OLD = "10.0.1.10"
LABEL = f"{OLD}:5432/shop"
NEW = "aurora.example:5432/shop"
BOTH = {"stores-postgres-1": True, "stores-redis-1": True}


@dataclass
class Paper:
    """An engine that only keeps account. `dies` is the container at which the run is killed."""

    there: dict[str, bool] = field(default_factory=lambda: dict(BOTH))
    others: set[tuple[str, str]] = field(
        default_factory=lambda: {
            ("volume", "stores_postgres-data"),
            ("volume", "stores_redis-data"),
            ("network", "stores_internal"),
        }
    )
    dies: str = ""
    kind: str = "podman"

    def containers(self, project: str) -> dict[str, Container]:
        assert project == "stores"
        return {name: Container(name, runs, "") for name, runs in self.there.items()}

    def inspect(self, *names: str) -> list[dict[str, Any]]:
        ports = {"stores-postgres-1": "5432", "stores-redis-1": "6379"}
        return [
            {"HostConfig": {"PortBindings": {"x/tcp": [{"HostIp": OLD, "HostPort": ports[name]}]}}} for name in names
        ]

    def run(self, kind: str, verb: str, name: str, **_: Any) -> subprocess.CompletedProcess[str]:
        known = (kind, name) in self.others
        if verb == "rm":
            self.others.remove((kind, name))
        return subprocess.CompletedProcess([], 0 if known else 1, "", "")

    def remove(self, name: str, grace: int) -> None:
        if name == self.dies:
            raise RetireError("killed")
        assert grace >= 60
        del self.there[name]


@dataclass
class Stage:
    """A host with a finished move."""

    root: Path
    engine: Paper
    saved: list[str] = field(default_factory=list)

    @property
    def wish(self) -> Wish:
        return Wish("stores", "single", self.root / "srv", self.root / "tls", backup_dir=str(self.root / "backup"))

    @property
    def places(self) -> run.Places:
        return run.Places(
            Endpoint("source", OLD, 5432, "shop", "admin", "secret", ca_file="ca"),
            RedisEndpoint("source", OLD, 6379, "", "secret"),
            self.root / "moves", self.root / "redis-moves", str(self.root / "databases.ini"), self.root / "haproxy.cfg",
            self.root / "admin.sock",
        )  # fmt: skip

    def journal(self, folder: str, source: str, target: str, phase: str, **more: Any) -> None:
        path = self.root / folder / target[:6] / "journal.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"source": source, "target": target, "phase": phase, **more}))

    def lead(self, host_name: str, active: str) -> None:
        (self.root / "databases.ini").write_text(f"[databases]\nshop = host='{host_name}' port='5432' dbname='shop'\n")
        lines = [
            f"    server {side} {place}:6379" + ("" if side == active else " disabled")
            for side, place in (("old", OLD), ("new", "cache.example"))
        ]
        (self.root / "haproxy.cfg").write_text("backend redis\n" + "\n".join(lines) + "\n")

    def retire(self, check: bool = False, **changed: Any) -> dict[str, Any]:
        return run.retire(replace(self.wish, **changed), self.places, self.engine, check)  # type: ignore[arg-type]


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(tmp_path, Paper())
    made.journal("moves", LABEL, NEW, "finished")
    made.journal("redis-moves", f"{OLD}:6379", "cache.example:6379", "finished")
    made.lead("aurora.example", "new")
    for name in ("srv/secrets/postgres", "srv/load", "tls"):
        (tmp_path / name).mkdir(parents=True)
    for name in (
        "srv/compose.yml",
        "srv/postgres.env",
        "srv/secrets/postgres/password",
        "tls/ca.pem",
        "tls/server.key",
    ):
        (tmp_path / name).write_text("x")
    monkeypatch.setattr(evidence, "ask_postgres", lambda _where: Answers(major=15, databases=("shop",)))
    monkeypatch.setattr(evidence, "ask_redis", lambda _where, _backup: Answers())
    monkeypatch.setattr(run.tools, "find_client", lambda major: (Path("/bin"), major))

    def save(place: Path, *_: Any) -> dict[str, Any]:
        place.mkdir()
        (place / backup.MANIFEST).write_text("{}")
        made.saved.append(str(place))
        return {}

    monkeypatch.setattr(backup, "make", save)
    return made


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_everything_that_the_role_made_goes_and_nothing_else(stage: Stage) -> None:
    (stage.root / "srv" / "notes.txt").write_text("mine")
    (stage.root / "tls" / "mine.pem").write_text("mine")
    done = stage.retire()
    assert done["changed"]
    assert stage.engine.there == {}
    assert stage.engine.others == {("volume", "stores_postgres-data"), ("volume", "stores_redis-data")}
    assert {name for name in files(stage.root) if name.startswith(("srv", "tls"))} == {
        "srv/notes.txt",
        "tls/mine.pem",
        "tls/retired",
    }
    assert done["kept"] == ["stores_postgres-data", "stores_redis-data"]
    assert "notes.txt" in done["notes"][0]
    told = json.loads((stage.root / "tls" / "retired").read_text())
    assert (told["stage"], told["backup"]) == ("single", str(stage.root / "backup"))
    assert oct((stage.root / "tls" / "retired").stat().st_mode & 0o777) == "0o644"


def test_a_second_run_changes_nothing_and_asks_nobody(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.retire()
    before = files(stage.root)
    monkeypatch.setattr(run, "_ask", None)
    for changed in ({}, {"backup_dir": ""}):
        again = stage.retire(**changed)
        assert (again["changed"], again["actions"]) == (False, [])
    assert files(stage.root) == before
    assert len(stage.saved) == 1


def test_check_mode_says_what_would_be_done_and_touches_nothing(stage: Stage) -> None:
    before = files(stage.root)
    told = stage.retire(check=True, remove_data=True)
    assert told["changed"]
    assert told["actions"][0] == f"save the old stores to {stage.root}/backup"
    assert "remove the container stores-redis-1" in told["actions"]
    assert told["actions"][-1] == "remove the volume stores_redis-data"
    assert files(stage.root) == before
    assert (stage.engine.there, stage.saved) == (BOTH, [])


def test_a_killed_run_is_gone_on_with_and_does_not_save_again(stage: Stage) -> None:
    stage.engine.dies = "stores-postgres-1"
    with pytest.raises(RetireError, match="killed"):
        stage.retire()
    assert list(stage.engine.there) == ["stores-postgres-1"]
    assert (stage.root / "tls" / "retired").exists(), (
        "from the first stopped container on nobody may bring them up again"
    )
    stage.engine.dies = ""
    assert stage.retire()["changed"]
    assert stage.engine.there == {}
    assert len(stage.saved) == 1


def test_the_data_go_later_only_while_their_backup_is_there(stage: Stage) -> None:
    stage.retire()
    os.rename(stage.root / "backup", stage.root / "elsewhere")
    with pytest.raises(RefusedError, match="is not there any more"):
        stage.retire(remove_data=True)
    os.rename(stage.root / "elsewhere", stage.root / "backup")
    assert stage.retire(remove_data=True)["actions"] == [
        "remove the volume stores_postgres-data",
        "remove the volume stores_redis-data",
    ]
    assert stage.engine.others == set()
    assert json.loads((stage.root / "tls" / "retired").read_text())["volumes"] == ""


def test_all_reasons_are_said_at_once_and_nothing_is_touched(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.journal("moves", LABEL, NEW, "switched")
    stage.journal("redis-moves", f"{OLD}:6379", "cache.example:6379", "switched")
    stage.lead(OLD, "old")
    monkeypatch.setattr(evidence, "ask_postgres", lambda _where: Answers(("7 of application",), major=15))
    monkeypatch.setattr(evidence, "ask_redis", lambda _where, _backup: Answers(("a client",)))
    monkeypatch.setattr(run.tools, "find_client", lambda _major: (None, 0))
    before = files(stage.root)
    with pytest.raises(RefusedError) as refused:
        stage.retire(backup_dir="")
    text = "\n".join(refused.value.reasons)
    for words in (
        "the move of PostgreSQL from", "the move of Redis from", "its way back is still armed", "PgBouncer leads the database shop",
        "the Redis proxy leads applications to the old Redis", "7 of application", "a client", "no place is named for the last backup",
        "no pg_dump 15",
    ):  # fmt: skip
        assert words in text
    assert len(refused.value.reasons) == 8
    assert (files(stage.root), stage.engine.there) == (before, BOTH)


@pytest.mark.parametrize(
    ("journals", "words"),
    [
        ([], "no journal on this host tells of a finished move"),
        ([{"source": LABEL, "target": NEW, "phase": "abandoned"}], "no journal on this host tells"),
        ([{"source": LABEL, "target": NEW, "phase": "returned"}], "is returned"),
        ([{"source": LABEL, "target": NEW, "phase": "finished", "left": ["DROP SUBSCRIPTION x"]}], "DROP SUBSCRIPTION x"),
        ([{"source": LABEL, "target": NEW, "phase": "finished"}, {"source": NEW, "target": LABEL, "phase": "seeding"}], "is seeding"),
        ([{"source": "10.9.9.9:5432/shop", "target": NEW, "phase": "finished"}], "no journal on this host tells"),
    ],
)  # fmt: skip
def test_only_a_finished_move_counts(journals: list[dict[str, Any]], words: str) -> None:
    assert words in " ".join(plan.journal_reasons("PostgreSQL", LABEL, journals, plan.POSTGRES_STILL))


def test_an_earlier_move_that_was_given_up_does_not_count() -> None:
    journals = [
        {"source": LABEL, "target": "old-try", "phase": "abandoned"},
        {"source": LABEL, "target": NEW, "phase": "finished"},
    ]
    assert plan.journal_reasons("PostgreSQL", LABEL, journals, plan.POSTGRES_STILL) == []


def test_a_copy_of_redis_that_was_given_up_is_no_way_back() -> None:
    old = f"{OLD}:6379"
    tried = {"source": old, "target": "first:6379", "phase": "copied"}
    assert (
        plan.journal_reasons(
            "Redis", old, [tried, {"source": old, "target": "cache:6379", "phase": "finished"}], plan.REDIS_STILL
        )
        == []
    )
    assert "no journal on this host" in plan.journal_reasons("Redis", old, [tried], plan.REDIS_STILL)[0]
    assert "is switching" in plan.journal_reasons("Redis", old, [{**tried, "phase": "switching"}], plan.REDIS_STILL)[0]


@pytest.mark.parametrize(
    ("changed", "found", "words"),
    [
        ({"backup_dir": "backup"}, {}, "an absolute path is needed"),
        ({"backup_dir": "/srv/stores/backup"}, {}, "in one that is taken away"),
        ({}, {"containers": {"stores-postgres-1": False}}, "stores-postgres-1 does not run"),
        ({}, {"containers": {"stores-postgres-1": True}}, "stores-redis-1 is not there"),
    ],
)
def test_what_cannot_be_saved_is_refused(changed: dict[str, Any], found: dict[str, Any], words: str) -> None:
    wish = replace(Wish("stores", "single", Path("/srv/stores"), Path("/etc/x"), backup_dir="/backup"), **changed)
    assert words in " ".join(plan.backup_reasons(Found(**{"containers": BOTH, **found}), wish, False))
    assert plan.backup_reasons(Found(**{"containers": BOTH, **found}), replace(wish, backup=False), False) == []


def test_a_folder_with_something_in_it_and_a_disk_too_small_are_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stage.root / "backup").mkdir()
    (stage.root / "backup" / "x").write_text("x")
    monkeypatch.setattr(host, "free_bytes", lambda _place: 10 * 1024**2)
    monkeypatch.setattr(evidence, "ask_redis", lambda _where, _backup: Answers(bytes=20 * 1024**2))
    with pytest.raises(RefusedError) as refused:
        stage.retire()
    assert ["holds something" in refused.value.reasons[0], "20 MiB" in refused.value.reasons[1]] == [True, True]
    assert stage.retire(backup=False)["changed"]
    assert stage.saved == []


def test_the_servers_that_are_asked_must_be_the_containers_that_go(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.engine, "inspect", lambda *_names: [])
    with pytest.raises(RefusedError, match="no container of this host is published there"):
        stage.retire()


def test_where_no_store_ever_was_nothing_is_done(tmp_path: Path) -> None:
    empty = Stage(tmp_path, Paper(there={}, others=set()))
    assert empty.retire()["changed"] is False
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"REDIS0011 whatever", b"REDIS0011" + b"\xff" + b"8 bytes", b"", b"nothing\xff12345678"]
)
def test_a_file_that_was_cut_is_no_backup(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "redis.rdb"
    place.write_bytes(content)
    with pytest.raises(RetireError, match="no whole RDB file"):
        backup.prove_rdb(place)


GIVEN = {
    "source": {"host": OLD, "port": 5432, "dbname": "shop", "username": "admin", "password": "p"},
    "target": {"host": "aurora.example", "port": 5432, "dbname": "shop", "username": "admin", "password": "p"},
    "source_sslmode": "verify-full", "publisher": None, "returner": None, "pooler": None,
}  # fmt: skip


def given(folder: Path) -> dict[str, Any]:
    settings = {name: spec.get("default") for name, spec in args.SETTING_ARGUMENTS.items()}
    own = Path(__file__)
    return {
        **settings,
        **GIVEN,
        "folder": str(folder),
        "source_ca_file": str(folder / "gone.pem"),
        "target_ca_file": str(own),
    }


def test_a_finished_move_asks_its_source_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exception, match=r"gone\.pem is not on this host"):
        args.context(given(tmp_path))
    journal = args.contexts.make(args.contexts.Ends(*_ends(), None, None), args.settings(given(tmp_path))).journal  # type: ignore[arg-type]
    journal.save(phase="finished")
    asked: list[str] = []
    monkeypatch.setattr(status, "read_state", lambda end: asked.append(end.side))
    told = status.look(args.context(given(tmp_path)))
    assert (told["phase"], told["remaining"], told["notices"]) == ("finished", [], [])
    assert asked == ["target"]


def _ends() -> tuple[Endpoint, Endpoint]:
    return tuple(Endpoint(side, **GIVEN[side], ca_file="ca") for side in ("source", "target"))  # type: ignore[return-value,arg-type]
