"""What role compose_stores has each image start with. The fingerprints of Redis and PostgreSQL decide whether a host is restarted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.tiketi.platform.plugins.module_utils._compose.model import project
from ansible_collections.tiketi.platform.plugins.module_utils._compose.render import compose_file, fingerprints

ROLE = Path(__file__).resolve().parents[3] / "roles" / "compose_stores"
TOKEN = 'a"b'  # noqa: S105 - made up


def rendered(engine: str) -> tuple[dict[str, Any], str]:
    """The service redis as compose gets it, and the file with its settings."""
    loader = DataLoader()
    known: dict[str, Any] = {}
    for name in ("defaults", "vars"):
        known |= loader.load_from_file(str(ROLE / name / "main.yml"), trusted_as_template=True)
    known |= {
        "platform_project": "shop", "platform_stage": "one", "platform_region": "eu-west-1", "inventory_hostname": "app-1",
        "platform_state_dir": "/state", "compose_stores_address": "10.0.0.5", "compose_stores_networks": ["10.0.0.0/16"],
        "compose_stores_postgres_image": "postgres:15", "compose_stores_redis_image": "store:1",
        "__compose_stores_token": TOKEN, "__compose_stores_certificate": {"fingerprint": "f"},
        "__compose_stores_login": {"username": "admin", "password": "p"}, "compose_stores_redis_engine": engine,
    }  # fmt: skip
    templar = Templar(loader=loader, variables=known)
    services = templar.template(known["__compose_stores_services"])
    files = templar.template(known["__compose_stores_secret_files"])["redis"]
    return next(one for one in services if one["name"] == "redis"), "".join(files.values())


def test_dragonfly_starts_by_its_own_entrypoint_as_root_and_keeps_its_data() -> None:
    service, flags = rendered("dragonfly")
    shell, option, script, user = service["entrypoint"]
    assert (shell, option, user) == ("/bin/sh", "-ec", "dfly")
    assert script.splitlines()[-1] == 'exec entrypoint.sh "$@"'
    assert service["user"] == "0", "an image that names its user could not read what is handed over"
    assert service["command"] == ["dragonfly", "--logtostderr", "--flagfile=/tmp/own/dragonfly.flags"]
    lines = flags.splitlines()
    assert {"--dbfilename=dump", "--snapshot_cron=*/5 * * * *", "--proactor_threads=1", "--maxmemory=384mb"} <= set(
        lines
    )
    assert f"--requirepass={TOKEN}" in lines
    assert TOKEN not in str(service)


def test_redis_starts_as_before() -> None:
    service, settings = rendered("redis")
    assert service["entrypoint"][2].splitlines()[-1] == 'exec docker-entrypoint.sh "$@"'
    assert service["command"] == ["redis-server", "/tmp/own/redis.conf"]  # noqa: S108 - the container's own
    assert "appendonly yes" in settings.splitlines()


@pytest.mark.parametrize("engine", ["redis", "dragonfly"])
def test_only_dragonfly_names_a_user(engine: str) -> None:
    one = project("stores", [rendered(engine)[0]])
    text = compose_file(one, "/srv/stores", fingerprints(one, "/srv/stores", b"k"))
    assert ("user: '0'" in text) is (engine == "dragonfly")
