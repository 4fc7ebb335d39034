"""What the services need of the stage they go to: images, stores and secrets that the stage makes, a namespace of their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Service, Store, Target
from ansible_collections.tiketi.platform.plugins.module_utils._service.parse import BAD, parse
from ansible_collections.tiketi.platform.plugins.module_utils._service.validate import (
    secret_names,
    target_faults,
)

# Where the deployment names a part of the target, the variable that holds it.
VARIABLES = {
    "namespace": "service_deploy_namespace",
    "ingress annotations": "service_deploy_ingress_annotations",
}
STORES = ("data_stores", "compose_stores")  # the groups whose plays publish a database and a Redis
Values = Mapping[str, Any]
Absent = Callable[[Collection[str]], Collection[str]]  # which of these secrets AWS does not have


def check(
    definitions: Sequence[Mapping[str, Any]], values: Values, groups: Mapping[str, Sequence[str]]
) -> Iterator[Fault]:
    """Check what the inputs alone can show; `values` are those of the account."""
    services = _parsed(definitions)
    built = bool(groups.get("images"))
    images = _images(values, built)
    namespace = values.get("service_deploy_namespace")
    annotations = values.get("service_deploy_ingress_annotations")
    target = Target(
        namespace=namespace if isinstance(namespace, str) else "unknown",
        project="",
        images=dict.fromkeys(images or (), ""),
        ingress_annotations=annotations if isinstance(annotations, Mapping) else {},
        guess=True,  # what the run will make is not there yet
    )
    for fault in target_faults([(f"{service.name}.yml", service) for service in services], target):
        if fault.key == "image" and not (images and built) and "there is no image" in fault.problem:
            continue  # not known yet, or told of the group or of the empty list
        where = VARIABLES.get(fault.where, fault.where)
        yield Fault(f"{where}: {fault.key}" if fault.key else where, fault.problem, fault.mend)
    yield from _image_group(services, images or (), built)
    yield from _store_group(services, values, groups)


def _parsed(definitions: Sequence[Mapping[str, Any]]) -> list[Service]:
    found = [parse(Service, definition, "", lambda *_fault: None) for definition in definitions]
    return [service for service in found if service is not BAD]


def _images(values: Values, built: bool) -> set[str] | None:
    """Return the names of the images that there will be; None where that is not known yet."""
    given, declared = values.get("service_deploy_images"), values.get("container_image_images")
    names = set(given) if isinstance(given, Mapping) else set()
    if not built:
        return names
    if not isinstance(declared, Sequence) or isinstance(declared, str):
        return None
    return names | {str(entry["name"]) for entry in declared if isinstance(entry, Mapping) and "name" in entry}


def _image_group(services: Sequence[Service], images: Collection[str], built: bool) -> Iterator[Fault]:
    named = [s for s in services if s.image not in images and not set("/:@") & set(s.image)]
    if named and not built:
        names, users = sorted({s.image for s in named}), [s.name for s in named]
        yield Fault(
            "group images",
            f"is missing or empty, but {_listed(users)} take {_listed(names)} by name, which only this group's play builds",
            "put the account into the group images, or write image: <name>@sha256:<digest> into the service files",
        )


def _store_group(services: Sequence[Service], values: Values, groups: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
    if any(groups.get(group) for group in STORES):
        return
    for need in ("database", "redis"):
        users = [service.name for service in services if getattr(service, need)]
        if users and not values.get(f"service_deploy_{need}"):
            yield Fault(
                "group data_stores",
                f"is missing or empty, but {_listed(users)} say {need}: true",
                "put the account into the group data_stores (platform_data_stage says whose stores it finds), "
                f"set service_deploy_{need}, or drop {need}: true",
            )


def check_secrets(definitions: Sequence[Mapping[str, Any]], values: Values, absent: Absent) -> Iterator[Fault]:
    """Check that each secret of a service is made by this run, with its keys, or was made by others."""
    made = _made(values)
    if made is None:
        return
    users: dict[str, list[str]] = {}
    keys: dict[str, set[str]] = {}
    for service in _parsed(definitions):
        for name, wanted in secret_names(service, _with_stores(values)).items():
            users.setdefault(name, []).append(service.name)
            keys.setdefault(name, set()).update(wanted)
    for name in sorted(set(users) & set(made)):
        for key in sorted(keys[name] - made[name]):
            what = f"has no key {key}, which {_listed(users[name])} mount"
            yield Fault(f"secret {name}", what, f"add {key} to it in secrets_shapes or secrets_extra_shapes")
    for name in sorted(absent(sorted(set(users) - set(made)))):
        yield Fault(
            f"secret {name}",
            f"is mounted by {_listed(users[name])}, but this stage does not make it and Secrets Manager does not have it",
            f"declare it in secrets_extra_shapes with {_listed(sorted(keys[name]))}, or make it in Secrets Manager",
        )


def _made(values: Values) -> dict[str, set[str]] | None:
    """Return the keys of each secret that role secrets makes; None where that is not known yet."""
    project, stage = values.get("secrets_project"), values.get("secrets_stage")
    shapes, extra = values.get("secrets_shapes"), values.get("secrets_extra_shapes")
    if not (project and stage and isinstance(shapes, Mapping) and isinstance(extra, Mapping)):
        return None
    return {
        f"{project}/{stage}/{what}": set(keys) if isinstance(keys, Mapping) else set()
        for what, keys in {**shapes, **extra}.items()
    }


def _with_stores(values: Values) -> Target:
    def store(secret: Any) -> Store | None:
        return Store(host="", port=0, secret=secret) if secret and isinstance(secret, str) else None

    given = values.get("service_deploy_redis")
    redis = given.get("secret") if isinstance(given, Mapping) else None
    return Target(
        namespace="",
        project="",
        secret_prefix=str(values.get("service_deploy_secret_prefix") or ""),
        database=store(values.get("service_deploy_database_secret")),
        redis=store(redis or values.get("elasticache_redis_secret")),
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
