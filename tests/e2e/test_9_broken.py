"""`python -m sandbox up` mends a living sandbox that lost pieces: files, the engine's service, an image, the old host, the local AWS.

Other hosts that are gone are seen, and left to site.yml. Needs a sandbox that is up; afterwards its account is empty.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from sandbox import aws, engine, podman_service
from sandbox.engine import Engine
from sandbox.images import REDIS
from sandbox.ministack import CONTAINER
from sandbox.settings import Paths
from tests.e2e.support import ROOT

PATHS = Paths()
pytestmark = pytest.mark.full


def sandbox(verb: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", verb], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def up() -> str:
    code, text = sandbox("up")
    assert code == 0, text
    status, told = sandbox("status")
    assert status == 0, told
    return text


def running(ec2: Any) -> dict[str, str]:
    """Address by name."""
    named = [{"Name": "instance-state-name", "Values": ["running"]}]
    found = [one for group in ec2.describe_instances(Filters=named)["Reservations"] for one in group["Instances"]]
    return {
        next(tag["Value"] for tag in one["Tags"] if tag["Key"] == "Name"): str(one["PrivateIpAddress"]) for one in found
    }


@pytest.fixture
def found() -> Engine:
    there = engine.find(PATHS)
    assert there is not None
    return there


def container_of(found: Engine, ec2: Any, name: str) -> str:
    named = [{"Name": "tag:Name", "Values": [name]}, {"Name": "instance-state-name", "Values": ["running"]}]
    instance = ec2.describe_instances(Filters=named)["Reservations"][0]["Instances"][0]["InstanceId"]
    (identity,) = found.ids("ps", "--quiet", "--filter", f"label=instance_id={instance}")
    return identity


def test_lost_pieces_are_mended_by_up(found: Engine) -> None:
    ec2 = aws.client("ec2")
    addresses = running(ec2)
    other = next((name for name in addresses if "legacy" not in name), None)
    if other is not None:
        found.run("kill", container_of(found, ec2, other))
    found.remove_containers([container_of(found, ec2, "tiketi-legacy-legacy")])
    found.run("untag", REDIS.reference)
    if found.kind == "podman":
        service = podman_service.owned_pid(found.socket)
        assert service is not None
        os.kill(service, signal.SIGKILL)
    PATHS.env.unlink()
    PATHS.vars.unlink()
    code, told = sandbox("status")
    assert code != 0
    assert "does not answer" in told or found.kind != "podman"

    up()
    assert found.inspect("image", REDIS.reference) is not None
    now = running(ec2)
    # The local AWS sees that a host is gone. The legacy host is the sandbox's own to make anew, the others are for site.yml.
    assert set(now) == set(addresses) - {other}
    assert now["tiketi-legacy-legacy"] != addresses["tiketi-legacy-legacy"]
    assert PATHS.env.exists()
    assert PATHS.vars.exists()


def test_a_local_aws_that_died_is_started_anew(found: Engine) -> None:
    found.run("kill", CONTAINER)
    code, told = sandbox("status")
    assert code != 0
    assert "does not answer" in told
    assert "run site.yml again" in up()
    assert set(running(aws.client("ec2"))) == {"tiketi-legacy-legacy"}
