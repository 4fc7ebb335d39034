"""A host whose container is gone or has stopped is found; what can be started is started, the rest is given up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import boto3
import pytest
from moto import mock_aws

from sandbox import hosts
from sandbox.engine import Engine
from sandbox.settings import REGION


class Paper(Engine):
    """An engine whose containers are in a table: instance -> (container, runs)."""

    table: dict[str, tuple[str, bool]]
    started: list[str]

    def run(self, *words: str | Path, check: bool = True, stdin: str | None = None) -> CompletedProcess[str]:
        text, code = "", 0
        if words[0] == "ps":
            text = "\n".join(name for name, _ in self.table.values())
        elif words[:2] == ("container", "inspect"):
            text = json.dumps(
                [
                    {"Id": name, "State": {"Running": runs}, "Config": {"Labels": {"instance_id": instance}}}
                    for instance, (name, runs) in self.table.items()
                ]
            )
        elif words[0] == "start":
            self.started.append(str(words[1]))
            code = 1 if words[1] == "broken" else 0
        return CompletedProcess([str(word) for word in words], code, text, "")


@pytest.fixture
def engine() -> Engine:
    made = Paper("podman", "4", Path("/none"))
    object.__setattr__(made, "table", {})
    object.__setattr__(made, "started", [])
    return made


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield boto3.client("ec2", region_name=REGION)


def start(ec2: Any, name: str) -> str:
    image = ec2.describe_images()["Images"][0]["ImageId"]
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}]
    made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=tags)
    return str(made["Instances"][0]["InstanceId"])


def states(ec2: Any) -> dict[str, str]:
    found = [one for group in ec2.describe_instances()["Reservations"] for one in group["Instances"]]
    return {one["InstanceId"]: one["State"]["Name"] for one in found}


def test_what_runs_is_left_alone(ec2: Any, engine: Paper) -> None:
    engine.table[start(ec2, "good")] = ("c1", True)
    assert hosts.mend(ec2, engine) == []
    assert engine.started == []


def test_what_stopped_is_started_and_what_is_gone_is_given_up(ec2: Any, engine: Paper) -> None:
    good, stopped, gone, broken = (start(ec2, name) for name in ("good", "stopped", "gone", "broken"))
    engine.table |= {good: ("c1", True), stopped: ("c2", False), broken: ("broken", False)}
    said = hosts.mend(ec2, engine)
    assert sorted(line.split(":")[0] for line in said) == ["broken is gone", "gone is gone", "stopped had stopped"]
    assert engine.started == ["c2", "broken"]
    assert states(ec2) == {good: "running", stopped: "running", gone: "terminated", broken: "terminated"}


def test_a_host_that_was_stopped_by_the_api_is_nobody_s_loss(ec2: Any, engine: Paper) -> None:
    ec2.stop_instances(InstanceIds=[start(ec2, "resting")])
    assert hosts.lost(ec2, engine) == []
