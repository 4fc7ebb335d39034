"""A PostgreSQL in a container on its way to being a source: by Podman's own command, and by Docker's on Podman's service."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError

from tests.integration.pg_source.conftest import Box, Source, podman
from tests.integration.pg_source.test_service import TOO_MANY, replicates
from tests.waiting import until

Wrap = Callable[[Box], Source]
AUTO = "/var/lib/postgresql/data/postgresql.auto.conf"


@pytest.fixture
def docker(network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Docker's client on an API of our own."""
    if shutil.which("docker") is None:
        pytest.skip("Docker's client is not here")
    socket = tmp_path / "podman.sock"
    with subprocess.Popen(
        ["podman", "system", "service", "--time=0", f"unix://{socket}"], stderr=subprocess.DEVNULL
    ) as api:
        until(socket.exists)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{socket}")
        yield
        api.terminate()


def test_from_a_plain_container_to_a_publisher_with_one_restart(make_box: Callable[..., Box], boxed: Wrap) -> None:
    # SIGTERM, the engines' default, lets PostgreSQL wait for its clients until it is killed.
    box = make_box("--stop-signal", "SIGTERM", "--stop-timeout", "3")
    source = boxed(box)
    image, before = box.inspect("{{.Image}}"), podman("exec", box.name, "cat", AUTO)
    said = source(check=True)
    assert podman("exec", box.name, "cat", AUTO) == before
    done = source()
    assert (done["actions"], done["pending_restart"]) == (said["actions"], ["wal_level"])
    started = box.inspect("{{.State.StartedAt}}")
    with source.connect(done["publisher"]["ca"], application_name="shop-web") as client:
        client.execute("BEGIN")
        client.execute("SELECT 1")
        restarted = source(restart=True)
        assert "shop-web" in restarted["announcement"][-1]
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    assert restarted["ready"]
    assert restarted["restart"]["downtime_seconds"] < 30
    assert restarted["publisher"] | {"ca": ""} == {
        "host": "127.0.0.1", "port": box.port, "username": "mover", "ca": "", "verified": True,
    }  # fmt: skip
    assert (box.inspect("{{.Image}}"), restarted["where"]["image"]) == (image, image)
    assert box.inspect("{{.State.StartedAt}}") != started
    assert (
        "not properly shut down"
        not in subprocess.run(["podman", "logs", box.name], capture_output=True, text=True, check=True).stderr
    )
    assert not source(restart=True)["changed"]
    replicates(source, restarted["publisher"]["ca"])


@pytest.mark.full
def test_what_only_the_compose_file_can_mend_is_named_and_nothing_is_restarted_for_it(
    make_box: Callable[..., Box], boxed: Wrap
) -> None:
    labels = {
        "project": "shop",
        "service": "db",
        "project.config_files": "compose.yml",
        "project.working_dir": "/srv/shop",
    }
    options = [word for name, value in labels.items() for word in ("--label", f"com.docker.compose.{name}={value}")]
    box = make_box(*options, command=("-c", "wal_level=replica"), plain=False)
    source = boxed(box)
    source.wanted = replace(source.wanted, address="198.51.100.7", max_replication_slots=30, restart=True)
    done = source()
    assert not done["ready"]
    assert done["restart"] == {}
    assert done["pending_restart"] == ["max_replication_slots"]
    port, command = done["blockers"]
    assert f'ports: ["198.51.100.7:{box.port}:5432"] in /srv/shop/compose.yml (service db), then' in port
    assert "'docker compose -p shop up -d db'" in port
    assert "wal_level=replica" in command
    assert "that is the one restart" in done["notices"][-1]
    assert not source()["changed"]


@pytest.mark.parametrize("engine", ["podman", "docker"])
@pytest.mark.full
def test_a_container_that_does_not_start_again_gets_its_settings_back(
    make_box: Callable[..., Box], boxed: Wrap, request: pytest.FixtureRequest, engine: str
) -> None:
    if engine == "docker":
        request.getfixturevalue("docker")
    box = make_box(plain=False)
    source = boxed(box)
    source.choice = replace(source.choice, engine=engine)
    with pytest.raises(
        PgError, match=r"did not start again: .*invalid value .*was put back as it was, and it runs again"
    ):
        source(restart=True, **TOO_MANY)
    assert "max_wal_senders" not in podman("exec", box.name, "cat", AUTO)
    done = source(restart=True, max_replication_slots=30)
    assert (done["ready"], done["where"]["label"]) == (True, f"{engine} container {box.name}")
    assert "DOCKER_HOST" in os.environ or engine == "podman"
