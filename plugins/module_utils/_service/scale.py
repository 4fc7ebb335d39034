"""How many pods a deployment has while an autoscaler steers it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import Object
from ansible_collections.tiketi.platform.plugins.module_utils._service.plan import Live, key_of

_SCALER = "HorizontalPodAutoscaler"


def scalers(objects: Iterable[Object]) -> dict[str, Object]:
    """Return the autoscalers by the deployment that they steer."""
    found = (obj for obj in objects if obj["kind"] == _SCALER)
    return {obj["spec"]["scaleTargetRef"]["name"]: obj for obj in found}


def scaled(deployment: Object, scaler: Object | None, current: Object | None) -> Object:
    """Keep the number of pods that the autoscaler chose, as long as it is within its bounds."""
    if scaler is None or current is None:
        return deployment
    low, high = scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]
    replicas = min(max(current["spec"].get("replicas", low), low), high)
    return {**deployment, "spec": {**deployment["spec"], "replicas": replicas}}


def adopt_scale(wanted: Sequence[Object], live: Live) -> list[Object]:
    """Compare with the number of pods that the autoscalers chose."""
    steered = scalers(wanted)
    return [
        scaled(obj, steered.get(obj["metadata"]["name"]), live.get(key_of(obj))) if obj["kind"] == "Deployment" else obj
        for obj in wanted
    ]


def roomy(scaler: Object, before: Object | None, current: Object | None) -> Object:
    """Return the autoscaler with as many pods at most as there could be before, where that is more than it allows.

    The pods of before serve until those of a release are proved, so a release takes none of them away.
    """
    high: int = (before or scaler)["spec"]["maxReplicas"]
    if before is None and current is not None:
        high = max(high, current["spec"].get("replicas", 1))
    if high <= scaler["spec"]["maxReplicas"]:
        return scaler
    return {**scaler, "spec": {**scaler["spec"], "maxReplicas": high}}


def with_room(wanted: Sequence[Object], live: Live) -> list[Object]:
    """Return the objects as they are during a rollout: no autoscaler has a smaller maximum yet."""
    return [
        roomy(obj, live.get(key_of(obj)), live.get(("Deployment", obj["spec"]["scaleTargetRef"]["name"])))
        if obj["kind"] == _SCALER
        else obj
        for obj in wanted
    ]


def lowered(wanted: Sequence[Object], amid: Sequence[Object], lost: set[str]) -> dict[str, Object]:
    """Return the autoscalers whose smaller maximum is still to come, by the deployment that they steer and that is not lost."""
    smaller = scalers(obj for obj, now in zip(wanted, amid, strict=True) if obj is not now)
    return {name: scaler for name, scaler in smaller.items() if name not in lost}


def exceeds(current: Object, scaler: Object) -> bool:
    return bool(current["spec"].get("replicas", 1) > scaler["spec"]["maxReplicas"])
