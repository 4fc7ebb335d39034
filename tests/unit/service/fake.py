"""A cluster in memory: stores objects, and once a second plays the controllers that a rollout needs.

What becomes of a pod is written in its image: the digest begins with the key of FATES.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import ApiError
from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import Object
from ansible_collections.tiketi.platform.plugins.module_utils._service.plan import comparable
from ansible_collections.tiketi.platform.plugins.module_utils._service.rollout import HASH, REVISION
from ansible_collections.tiketi.platform.plugins.module_utils._service.wait import SLICE_OF, Clock

WELL, NO_IMAGE, CRASH, UNREADY, NO_NODE, BAD_NAME = "a", "1", "2", "3", "4", "5"


def image(fate: str) -> str:
    return "registry.example/shop@sha256:" + fate * 64


def container(state: Mapping[str, Any], **more: Any) -> Object:
    return {"containerStatuses": [{"name": "app", "ready": False, "restartCount": 0, "state": state, **more}]}


FATES: dict[str, Object] = {
    WELL: container({"running": {}}, ready=True),
    NO_IMAGE: container({"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}),
    CRASH: container(
        {"waiting": {"reason": "CrashLoopBackOff"}},
        restartCount=3,
        lastState={"terminated": {"exitCode": 1, "reason": "Error"}},
    ),
    UNREADY: container({"running": {}}),
    BAD_NAME: container({"waiting": {"reason": "InvalidImageName"}}),
    NO_NODE: {
        "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes available"}
        ]
    },
}


class FakeCluster:
    def __init__(self, log: str = "", instant: bool = False) -> None:
        self.objects: dict[tuple[str, str], Object] = {}
        self.writes: list[tuple[str, str, str]] = []
        # What was applied, with its content, in order.
        self.history: list[Object] = []
        self.unreachable: set[str] = set()
        self.hidden: set[str] = set()
        self.refused_jobs: dict[str, str] = {}
        # Seconds from one pod to the next, and of a migration.
        self.slow, self.job_seconds = 0.0, 0.0
        self._moved: dict[str, tuple[tuple[int, int], float]] = {}
        # Somebody else at work beside the run.
        self.on_sleep: Callable[[], object] = lambda: None
        self.refuse: dict[tuple[str, str], str] = {}
        self.log = log
        self.instant = instant
        self.seconds = 0.0
        self._uids = itertools.count(1)

    def clock(self) -> Clock:
        return Clock(now=lambda: self.seconds, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.on_sleep()
        for kind, name in list(self.objects):
            if kind == "Deployment":
                self._roll(self.objects[kind, name])
            elif kind == "Job":
                self._work(self.objects[kind, name])

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        return copy.deepcopy(self.objects.get((kind, name)))

    def list(self, kind: str, namespace: str, **query: str) -> Sequence[Object]:
        if kind in self.hidden:
            raise ApiError(403, "forbidden", f"list {kind}")
        if kind == "EndpointSlice":
            return [self._slice(name) for k, name in self.objects if k == "Service"]
        return [copy.deepcopy(obj) for (k, _name), obj in self.objects.items() if k == kind]

    def _slice(self, name: str) -> Object:
        deployment = self.objects.get(("Deployment", name)) or {}
        up = (deployment.get("status") or {}).get("availableReplicas", 0) if name not in self.unreachable else 0
        labels = {SLICE_OF: name}
        return {"metadata": {"labels": labels}, "ports": [{"port": 1}], "endpoints": [{"conditions": {}}] * up}

    def apply(self, obj: Mapping[str, Any], dry_run: bool = False) -> Object:
        key = obj["kind"], obj["metadata"]["name"]
        if key in self.refuse:
            raise ApiError(403, self.refuse[key], f"apply {key[0]} {key[1]}")
        old = self.objects.get(key)
        new = {**copy.deepcopy(dict(obj)), "status": copy.deepcopy((old or {}).get("status", {}))}
        metadata = {"uid": f"u{next(self._uids)}", "generation": 1, **((old or {}).get("metadata") or {})}
        new["metadata"] = {**metadata, **new["metadata"]}
        if old is not None and comparable(old) != comparable(new):
            new["metadata"]["generation"] += 1
        if not dry_run:
            self.objects[key] = new
            self.writes.append(("apply", *key))
            self.history.append(copy.deepcopy(new))
            if self.instant and key[0] == "Deployment":
                self._roll(new)
        return copy.deepcopy(new)

    def delete(self, kind: str, namespace: str, name: str) -> None:
        self.objects.pop((kind, name), None)
        self.writes.append(("delete", kind, name))

    def logs(self, namespace: str, pod: str, previous: bool, lines: int) -> str:
        return self.log

    def events(self, namespace: str, names: Sequence[str]) -> Sequence[Object]:
        if names[0] in self.refused_jobs:
            return [{"reason": "FailedCreate", "message": self.refused_jobs[names[0]]}]
        if ("Pod", names[0]) not in self.objects:
            return []
        text = "Readiness probe failed: HTTP probe failed with statuscode: 503"
        return [{"reason": "Unhealthy", "message": text}] if self._fate_of(names[0]) == UNREADY else []

    def _fate_of(self, pod: str) -> str:
        found = self.objects["Pod", pod]["spec"]["containers"][0]["image"]
        return str(found.split(":")[-1][0])

    def _own(self, kind: str, owner: Object) -> Sequence[Object]:
        return [
            obj
            for (k, _n), obj in self.objects.items()
            if k == kind and obj["metadata"]["ownerReferences"][0]["uid"] == owner["metadata"]["uid"]
        ]

    def _child(self, kind: str, name: str, owner: Object, **body: Any) -> Object:
        references = [{"uid": owner["metadata"]["uid"]}]
        obj = {"kind": kind, "metadata": {"name": name, "uid": f"u{next(self._uids)}", "ownerReferences": references}}
        self.objects[kind, name] = {**obj, **body}
        return self.objects[kind, name]

    def _roll(self, deployment: Object) -> None:
        template, wanted = deployment["spec"]["template"], deployment["spec"]["replicas"]
        name, sets = deployment["metadata"]["name"], self._own("ReplicaSet", deployment)
        top = max((int(rs["metadata"]["annotations"][REVISION]) for rs in sets), default=0)
        current = next((rs for rs in sets if rs["template"] == template), None)
        if current is None or int(current["metadata"]["annotations"][REVISION]) < top:
            top += 1
        if current is None:
            current = self._child("ReplicaSet", f"{name}-{top}", deployment, template=copy.deepcopy(template))
            labels = {**template["metadata"]["labels"], HASH: str(top)}
            current["metadata"]["labels"] = labels
            current["spec"] = {"template": {**copy.deepcopy(template), "metadata": {"labels": labels}}}
            fate = template["spec"]["containers"][0]["image"].split(":")[-1][0]
            pod = self._child("Pod", f"{name}-{top}-x", current, spec=template["spec"], status=FATES[fate])
            pod["metadata"]["labels"] = labels
        current["metadata"]["annotations"] = {REVISION: str(top)}
        deployment["metadata"].setdefault("annotations", {})[REVISION] = str(top)
        fate = template["spec"]["containers"][0]["image"].split(":")[-1][0]
        born = current.setdefault("born", self.seconds)
        ready = 0 if fate != WELL else min(wanted, int((self.seconds - born) // self.slow)) if self.slow else wanted
        whole = fate == WELL and ready == wanted
        for rs in sets:
            rs["status"] = {"readyReplicas": wanted if rs.get("serves") and (not whole or rs is current) else 0}
        if whole:
            current["serves"] = True
        current["status"] = {"readyReplicas": ready}
        old = 0 if whole else sum(rs["status"]["readyReplicas"] for rs in sets if rs is not current)
        self._judge(deployment, ready, old, whole)

    def _judge(self, deployment: Object, ready: int, old: int, whole: bool) -> None:
        """Write the status, and that nothing moved for as long as the service may take."""
        wanted = deployment["spec"]["replicas"]
        seen = (deployment["metadata"]["generation"], ready)
        moved = self._moved.setdefault(deployment["metadata"]["name"], (seen, self.seconds))
        if moved[0] != seen:
            moved = self._moved[deployment["metadata"]["name"]] = (seen, self.seconds)
        late = not whole and self.seconds - moved[1] >= deployment["spec"].get("progressDeadlineSeconds", 600)
        told = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
        deployment["status"] = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": wanted + old,
            "updatedReplicas": wanted,
            "availableReplicas": ready + old,
            "conditions": [told] if late else [],
        }

    def _work(self, job: Object) -> None:
        if job["metadata"]["name"] in self.refused_jobs:
            return
        fate = job["spec"]["template"]["spec"]["containers"][0]["image"].split(":")[-1][0]
        begun = job.setdefault("begun", self.seconds)
        late = self.seconds - begun >= job["spec"]["activeDeadlineSeconds"]
        if fate == WELL and self.seconds - begun < self.job_seconds and not late:
            return
        if late:
            told = {"type": "Failed", "status": "True", "message": "Job was active longer than specified deadline"}
            job["status"] = {"conditions": [told]}
            return
        kind = "Complete" if fate == WELL else "Failed"
        text = "" if fate == WELL else "Job has reached the specified backoff limit"
        job["status"] = {"conditions": [{"type": kind, "status": "True", "message": text}]}
