"""What a project becomes on the host, and in which order its containers are touched; with an engine of paper."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._compose import apply as rollouts
from ansible_collections.tiketi.platform.plugins.module_utils._compose import gate
from ansible_collections.tiketi.platform.plugins.module_utils._compose.apply import Rollout
from ansible_collections.tiketi.platform.plugins.module_utils._compose.engine import Engine
from ansible_collections.tiketi.platform.plugins.module_utils._compose.errors import ComposeError, GateError
from ansible_collections.tiketi.platform.plugins.module_utils._compose.files import File, Folder, wanted
from ansible_collections.tiketi.platform.plugins.module_utils._compose.model import Container, Project, Unit, project
from ansible_collections.tiketi.platform.plugins.module_utils._compose.plan import plan
from ansible_collections.tiketi.platform.plugins.module_utils._compose.render import compose_file, fingerprints

KEY = b"k"
SECRET = "p$1'\"x"  # noqa: S105
UID = os.geteuid()


def backend(**changed: Any) -> dict[str, Any]:
    known = {
        "name": "backend",
        "image": "shop:1",
        "replicas": 2,
        "publish": [{"port": 3001, "host_port": 3101}],
        "environment": {"MODE": "fast lane"},
        "secret_files": {"password": SECRET},
        "secret_owner": UID,
        "volumes": ["data:/data", "/run/pool:/run/pool"],
        "gate": {"path": "/health"},
    }
    return {**known, **changed}


def shop(**changed: Any) -> Project:
    return project("shop", [backend(**changed)])


def marks(one: Project) -> dict[str, str]:
    return fingerprints(one, "/srv/shop", KEY)


def found(one: Project, *stopped: str) -> dict[str, Container]:
    return {name: Container(name, name not in stopped, mark) for name, mark in marks(one).items()}


def actions(one: Project, there: dict[str, Container]) -> list[tuple[str, str]]:
    return [(step.action, step.unit.name) for step in plan(one, marks(one), there).steps]


def test_the_compose_file_is_whole_and_holds_no_secret() -> None:
    one = shop(command=["serve", "$HOME"])
    text = compose_file(one, "/srv/shop", marks(one))
    assert SECRET not in text
    found_file = yaml.safe_load(text)
    assert set(found_file["services"]) == {"backend-1", "backend-2"}
    second = found_file["services"]["backend-2"]
    assert second["ports"] == ["127.0.0.1:3102:3001"]
    assert second["command"] == ["serve", "$$HOME"], "compose would put in a variable"
    assert second["volumes"] == ["data:/data", "/run/pool:/run/pool", "/srv/shop/secrets/backend:/secrets:ro"]
    assert (second["read_only"], second["cap_drop"], second["security_opt"]) == (True, ["ALL"], ["no-new-privileges"])
    assert found_file["volumes"] == {"data": {}}


@pytest.mark.parametrize(
    "changed",
    [{"image": "shop:2"}, {"environment": {"MODE": "slow"}}, {"secret_files": {"password": "new"}}, {"memory": "1g"}],
)
def test_whatever_a_container_is_made_from_changes_its_definition(changed: dict[str, Any]) -> None:
    assert not set(marks(shop()).values()) & set(marks(shop(**changed)).values())


def test_how_it_is_judged_does_not() -> None:
    assert marks(shop()) == marks(shop(gate={"path": "/other", "seconds": 1}))


def test_the_plan() -> None:
    one = shop()
    assert actions(one, {}) == [("create", "backend-1"), ("create", "backend-2")]
    assert actions(one, found(one)) == [("keep", "backend-1"), ("keep", "backend-2")]
    assert actions(one, found(one, "shop-backend-2")) == [("start", "backend-2"), ("keep", "backend-1")]
    old = found(shop(image="shop:0"), "shop-backend-2")
    assert actions(one, old) == [("replace", "backend-2"), ("replace", "backend-1")], "the one that serves goes last"
    assert plan(one, marks(one), found(shop(replicas=3))).remove == ["shop-backend-3"]


@pytest.mark.parametrize(
    ("services", "text"),
    [
        ([backend(name="Back_end")], "small letters"),
        ([backend(), backend()], "listed twice"),
        ([backend(), backend(name="other", publish=[{"port": 1, "host_port": 3102}])], "host port 3102 is wanted by"),
        ([backend(environment={"A": "it's"})], "A holds a line break or one of"),
        ([backend(environment={"A B": "x"})], "is not the name of a variable"),
        ([backend(secret_files={"../x": "y"})], "is not the name of a file"),
        ([backend(publish=[])], "none is published"),
        ([backend(replicas=-1)], "at least 1"),
    ],
)
def test_a_faulty_declaration_is_refused_without_its_values(services: list[dict[str, Any]], text: str) -> None:
    with pytest.raises(ComposeError, match=text) as caught:
        project("shop", services)
    assert SECRET not in str(caught.value)


class Paper(Engine):
    """Containers in a dictionary; images named in `broken` never become healthy."""

    def __init__(self, there: dict[str, Container], folder: Path, broken: str = "") -> None:
        super().__init__("podman", "0", ("podman-compose",), "0")
        object.__setattr__(self, "there", there)
        object.__setattr__(self, "folder", folder)
        object.__setattr__(self, "broken", broken)
        object.__setattr__(self, "log", [])

    there: dict[str, Container]
    folder: Path
    broken: str
    log: list[str]

    def has_image(self, reference: str) -> bool:
        return True

    def remove(self, name: str, grace: int) -> None:
        self.log.append(f"remove {name}")
        del self.there[name]

    def up(self, project: str, file: str, unit: str) -> None:
        service = yaml.safe_load(Path(file).read_text())["services"][unit]
        self.log.append(f"up {unit} {service['image']}")
        mark = service["labels"][1].partition("=")[2]
        self.there[service["container_name"]] = Container(service["container_name"], True, mark, service["image"])


@pytest.fixture
def roll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Paper]:
    """Bring a project from the one before to the next."""

    def healthy(engine: Paper, unit: Unit) -> float:
        if engine.there[unit.container].image == engine.broken:
            raise GateError(unit.container, "was not healthy", ["boom"])
        return 0.1

    monkeypatch.setattr(rollouts, "await_healthy", healthy)
    folder = Folder(str(tmp_path / "shop"))
    engine = Paper({}, tmp_path / "shop")

    def go(one: Project, broken: str = "") -> Paper:
        object.__setattr__(engine, "broken", broken)
        engine.log.clear()
        definitions = fingerprints(one, str(folder.path), folder.key(make=True))
        files = wanted(one, str(folder.path), definitions)
        Rollout(engine, folder).apply(one, plan(one, definitions, engine.there), files, dict(engine.there))
        return engine

    return go


def test_a_change_goes_one_container_at_a_time(roll: Callable[..., Paper]) -> None:
    assert roll(shop()).log == ["up backend-1 shop:1", "up backend-2 shop:1"]
    assert roll(shop()).log == []
    assert roll(shop(image="shop:2")).log == [
        "remove shop-backend-1", "up backend-1 shop:2", "remove shop-backend-2", "up backend-2 shop:2",
    ]  # fmt: skip


def test_a_container_that_is_not_healthy_is_taken_back_and_the_next_not_touched(roll: Callable[..., Paper]) -> None:
    engine = roll(shop())
    with pytest.raises(ComposeError, match=r"(?s)boom.*Taken back: shop-backend-1 run as before"):
        roll(shop(image="shop:2", secret_files={"password": "new"}), broken="shop:2")
    assert engine.log == [
        "remove shop-backend-1",
        "up backend-1 shop:2",
        "remove shop-backend-1",
        "up backend-1 shop:1",
    ]
    assert (engine.folder / "secrets/backend/password").read_text() == SECRET
    assert not (engine.folder / "previous").exists()
    assert roll(shop()).log == [], "all is as it was"


def test_a_rollout_that_was_killed_goes_on_where_it_was(
    roll: Callable[..., Paper], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = roll(shop())
    monkeypatch.setattr(Paper, "remove", _killed_at("shop-backend-2", Paper.remove))
    with pytest.raises(KeyboardInterrupt):
        roll(shop(image="shop:2"))
    monkeypatch.undo()
    monkeypatch.setattr(rollouts, "await_healthy", lambda *_: 0.1)
    assert [one.image for one in engine.there.values()] == ["shop:1", "shop:2"]
    assert roll(shop(image="shop:2")).log == ["remove shop-backend-2", "up backend-2 shop:2"]


def _killed_at(name: str, real: Callable[[Paper, str, int], None]) -> Callable[[Paper, str, int], None]:
    def remove(engine: Paper, container: str, grace: int) -> None:
        if container == name:
            raise KeyboardInterrupt
        real(engine, container, grace)

    return remove


def test_files_are_private_and_only_what_is_wanted_stays(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "shop"))
    one = shop()
    files = wanted(one, str(folder.path), marks(one))
    assert set(folder.write(files)) == {"compose.yml", "backend.env", "secrets/backend/password"}
    assert folder.write(files) == []
    assert folder.write({"compose.yml": File("x")}) == ["compose.yml", "backend.env", "secrets/backend/password"]
    modes = {str(path.relative_to(folder.path)): path.stat().st_mode & 0o777 for path in folder.path.rglob("*")}
    assert modes == {"compose.yml": 0o600, "secrets": 0o711, "secrets/backend": 0o711}


def test_the_gate_gives_up_early_on_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Paper({"shop-backend-1": Container("shop-backend-1", True, "", restarts=3)}, Path())
    monkeypatch.setattr(Engine, "container", lambda self, name: engine.there.get(name))
    monkeypatch.setattr(Engine, "logs", lambda self, name: ["why"])
    unit = shop(publish=[{"port": 1, "host_port": 1}]).units[0]
    with pytest.raises(GateError, match=r"(?s)has ended 3 times.*why"):
        gate.await_healthy(engine, unit)
