"""A cluster in memory, the services of a small shop, and what was said while deploying them."""

from __future__ import annotations

from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._service.apply import Deployer, Options, Outcome
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Service, Target
from ansible_collections.tiketi.platform.plugins.module_utils._service.render import render

from .conftest import service_of
from .fake import WELL, FakeCluster, image

MIGRATED = {"migrations": {"command": ["migrate"]}}


class Stage:
    """A cluster and what was said while deploying to it."""

    def __init__(self, target: Target) -> None:
        self.target, self.cluster, self.said = target, FakeCluster(), list[str]()

    def run(self, *services: Service, **options: Any) -> Outcome:
        self.cluster.writes.clear()
        self.cluster.history.clear()
        options = {"timeout": 60, **options}
        clock = self.cluster.clock()
        deployer = Deployer(self.cluster, self.target, Options(**options), self.said.append, clock)
        return deployer.run(render(services, self.target))

    def names(self, kind: str) -> set[str]:
        return {name for k, name in self.cluster.objects if k == kind}

    def image_of(self, name: str) -> str:
        found = self.cluster.objects["Deployment", name]["spec"]["template"]["spec"]["containers"][0]["image"]
        assert isinstance(found, str)
        return found


def cart(fate: str = WELL, **changes: Any) -> Service:
    return service_of(**{"image": image(fate), "database": True, "replicas": 2, **changes})


def pay(fate: str = WELL) -> Service:
    return service_of(name="pay", paths=["/pay"], image=image(fate))
