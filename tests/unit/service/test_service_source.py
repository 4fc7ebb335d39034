"""Reading service files: every mistake is told at once, with its file, its key and the mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import InvalidServicesError
from ansible_collections.tiketi.platform.plugins.module_utils._service.source import merge, read_services

from .conftest import Definition, definition

REPOSITORY = Path(__file__).parents[3]


def write(folder: Path, **services: Definition | str) -> str:
    for name, data in services.items():
        text = data if isinstance(data, str) else yaml.safe_dump(data)
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    return str(folder)


def faults(folder: str, **overrides: Any) -> list[str]:
    with pytest.raises(InvalidServicesError) as caught:
        read_services(folder, overrides)
    return [str(fault) for fault in caught.value.faults]


ONE_FAULT: list[tuple[Definition, str, str]] = [
    ({"replica": 2}, "cart.yml: replica", "Did you mean replicas?"),
    (
        {"probes": {"live": {"path": "/l"}, "redy": {"path": "/h"}, "ready": {"path": "/h"}}},
        "probes.redy",
        "Did you mean ready?",
    ),
    ({"replicas": "2"}, "replicas", "is not a whole number"),
    ({"replicas": True}, "replicas", "is not a whole number"),
    ({"database": "false"}, "database", "is not true or false"),
    ({"env": {"DEBUG": True}}, "env.DEBUG", "Put it in quotes"),
    ({"env": {"LIMIT": 5}}, "env.LIMIT", "Put it in quotes"),
    ({"port": 80}, "port", "from 1024 to 65535"),
    ({"paths": "/cart"}, "paths", "is not a list"),
    ({"paths": ["cart"]}, "paths[0]", "Write a path such as /api/v1/x"),
    ({"image": ...}, "image", "is missing"),
    ({"name": "Cart_1"}, "name", "lower-case letters"),
    ({"spread": {"zone": "requires"}}, "spread.zone", "Did you mean require?"),
    ({"hpa": {"min": 4, "max": 2}}, "hpa.max", "Set hpa.max to 4 or more"),
    ({"hpa": {"min": 2, "max": 4}}, "replicas", "outside of hpa.min 2 to hpa.max 4"),
    (
        {"resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1"}}},
        "resources.limits.memory",
        "starve",
    ),
    (
        {"resources": {"requests": {"cpu": "1500m", "memory": "1Mi"}, "limits": {"cpu": "1", "memory": "1Mi"}}},
        "resources.limits.cpu",
        "below the request",
    ),
    (
        {"resources": {"requests": {"cpu": "1x", "memory": "1Mi"}, "limits": {"cpu": "1", "memory": "1Mi"}}},
        "requests.cpu",
        "amount",
    ),
    ({"network": {"egress": [{"cidr": "10.0.0.1/16", "ports": [443]}]}}, "network.egress[0].cidr", "is not a network"),
    ({"network": {"egress": [{"cidr": "10.0.0.0/16", "ports": []}]}}, "network.egress[0].ports", "names no port"),
    ({"network": {"calls": ["car"]}}, "network.calls", "is no service"),
    ({"network": {"calls": ["cart"]}}, "network.calls", "call itself"),
    ({"redis": True, "env": {"REDIS_HOST": "x"}}, "env.REDIS_HOST", "sets this variable itself"),
    (
        {"env": {"KEY_FILE": "x"}, "secrets": [{"name": "a", "key": "k", "env": "KEY_FILE"}]},
        "secrets[0].env",
        "set twice",
    ),
    ({"secrets": [{"name": "a", "env": "KEY_FILE"}]}, "secrets[0].key", "is missing"),
    (
        {"secrets": [{"name": "a", "key": "k", "env": "DATABASE_USERNAME_FILE"}]},
        "secrets[0].env",
        "a file database-username",
    ),
    ({"name": "c" * 41}, "name", "at most 40"),
    ({"shutdown": {"drain": 30, "grace": 30}}, "shutdown.grace", "Set it above 30"),
    ({"migrations": {"args": ["up"]}}, "migrations.command", "is missing"),
]


@pytest.mark.parametrize(
    ("change", "place", "words"), ONE_FAULT, ids=[f"{row[1]}-{i}" for i, row in enumerate(ONE_FAULT)]
)
def test_one_mistake_is_one_fault_with_place_and_mend(
    tmp_path: Path, change: Definition, place: str, words: str
) -> None:
    found = faults(write(tmp_path, cart=definition(**change)))
    assert len(found) == 1
    assert place in found[0]
    assert words in found[0]


def test_all_faults_of_all_files_come_at_once(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        cart=definition(replica=2, port=80),
        pay=definition(name="pay", paths=["/cart/"]),
        twin=definition(name="pay", paths=[]),
        broken="image: [",
        doubled="image: a\nimage: b\n",
        empty="",
    )
    found = "\n".join(faults(folder, payy={"replicas": 2}))
    for part in (
        "cart.yml: replica:",
        "cart.yml: port:",
        "pay.yml: paths: /cart is also a path of cart.yml",
        "twin.yml: name: 'pay' is also the service of pay.yml",
        "broken.yml: the file cannot be read in line",
        "doubled.yml: the file cannot be read in line 2: the key image is written twice",
        "empty.yml: the file holds no dictionary",
        "service_overrides: payy: there is no such service. Did you mean pay?",
    ):
        assert part in found
    assert len(found.splitlines()) == 8


def test_two_services_on_one_path(tmp_path: Path) -> None:
    found = faults(write(tmp_path, cart=definition(), pay=definition(name="pay", paths=["/cart/"])))
    assert found == ["pay.yml: paths: /cart is also a path of cart.yml. Give each path to one service."]


def test_an_override_is_laid_over_the_file_and_null_takes_a_key_back(tmp_path: Path) -> None:
    folder = write(tmp_path, cart=definition(replicas=2, hpa={"min": 2, "max": 4}, env={"A": "1", "B": "2"}))
    [cart] = read_services(folder, {"cart": {"replicas": 1, "hpa": None, "env": {"B": "3"}}})
    assert (cart["replicas"], cart.get("hpa"), cart["env"]) == (1, None, {"A": "1", "B": "3"})


def test_a_fault_that_an_override_brought_names_the_override(tmp_path: Path) -> None:
    folder = write(tmp_path, cart=definition(port=80))
    found = faults(folder, cart={"replicas": "one"})
    assert [line.split(": ")[0] for line in found] == ["cart.yml", "service_overrides.cart"]


def test_merge_leaves_its_input_alone() -> None:
    base = {"a": {"b": 1}}
    assert merge(base, {"a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}
    assert base == {"a": {"b": 1}}


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_an_empty_folder_is_an_error_and_not_an_empty_stage(tmp_path: Path, folder: str) -> None:
    assert "platform_services_dir" in faults(str(tmp_path / folder))[0]


def test_the_services_of_this_repository() -> None:
    services = {service["name"]: service for service in read_services(str(REPOSITORY / "services"), {})}
    assert {name: service["replicas"] for name, service in services.items()} == {
        "auth": 2,
        "event": 2,
        "queue": 3,
        "reservation": 3,
        "payment": 2,
    }
    paths = {path for service in services.values() for path in service["paths"]}
    assert paths == {f"/api/v1/{word}" for word in ("auth", "events", "queue", "reservations", "payments")}
