"""What a schema cannot say: relations inside a service, between services, and with the stage they go to."""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import Fault
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import DNS_LABEL, Service, Store, Target
from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import (
    PASSWORD_FILE,
    TOKEN_FILE,
    TOPOLOGY,
    USERNAME_FILE,
    secret_file,
)
from ansible_collections.tiketi.platform.plugins.module_utils._service.parse import nearest
from ansible_collections.tiketi.platform.plugins.module_utils._service.quantity import amount

OWN_ENV = ("SERVICE", "PORT")
DATABASE_ENV = tuple(
    f"DATABASE_{word}" for word in ("HOST", "PORT", "NAME", "USER", "PASSWORD_FILE", "SSLMODE", "CA_FILE")
)
REDIS_ENV = tuple(f"REDIS_{word}" for word in ("HOST", "PORT", "TLS", "TOKEN_FILE", "CA_FILE"))
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")

Located = tuple[str, Service]
Claim = tuple[str, str, tuple[str, ...]]  # file, name, paths


def secret_names(service: Service, target: Target) -> dict[str, set[str]]:
    """Name the secrets of Secrets Manager that a service needs, and the keys of each."""
    needed: dict[str, set[str]] = defaultdict(set)
    for secret in service.secrets:
        needed[target.secret_prefix + secret.name].add(secret.key)
    if service.database and target.database:
        needed[target.database.secret] |= {"username", "password"}
    if service.redis and target.redis:
        needed[target.redis.secret].add("token")
    return dict(needed)


def _cidr_fault(where: str, key: str, cidr: str) -> Iterator[Fault]:
    try:
        ipaddress.ip_network(cidr)
    except ValueError as error:
        yield Fault(
            where, key, f"{cidr!r} is not a network ({error})", "Write the network's first address, as in 10.0.0.0/16"
        )


def _resource_faults(where: str, service: Service) -> Iterator[Fault]:
    for kind in ("cpu", "memory"):
        request, limit = getattr(service.resources.requests, kind), getattr(service.resources.limits, kind)
        if request is None:
            mend = f"Add resources.requests.{kind}: the scheduler and the autoscaler count in it"
            yield Fault(where, f"resources.requests.{kind}", "is missing", mend)
        if limit is None:
            mend = f"Add resources.limits.{kind}: without it one service can starve a node"
            yield Fault(where, f"resources.limits.{kind}", "is missing", mend)
        if request and limit and amount(request) > amount(limit):
            mend = f"Raise the limit to {request} or more"
            yield Fault(where, f"resources.limits.{kind}", f"{limit} is below the request of {request}", mend)


def _scale_faults(where: str, service: Service) -> Iterator[Fault]:
    hpa = service.hpa
    if hpa is None:
        return
    if hpa.min > hpa.max:
        yield Fault(where, "hpa.max", f"{hpa.max} is below hpa.min, {hpa.min}", f"Set hpa.max to {hpa.min} or more")
    elif not hpa.min <= service.replicas <= hpa.max:
        problem = f"{service.replicas} is outside of hpa.min {hpa.min} to hpa.max {hpa.max}"
        yield Fault(where, "replicas", problem, "Start inside the range, or widen it")


def _env_faults(where: str, service: Service) -> Iterator[Fault]:
    given = [*OWN_ENV, *(DATABASE_ENV if service.database else ()), *(REDIS_ENV if service.redis else ())]
    seen: set[str] = set()
    for key, name in [
        *((f"env.{n}", n) for n in service.env),
        *((f"secrets[{i}].env", s.env) for i, s in enumerate(service.secrets)),
    ]:
        if name in given:
            yield Fault(where, key, "the platform sets this variable itself", "Remove it, or choose another name")
        elif name in seen:
            yield Fault(where, key, f"{name} is set twice", "Give each variable one source")
        elif not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            yield Fault(where, key, f"{name!r} is not the name of a variable", "Use letters, digits and _")
        seen.add(name)


def _file_faults(where: str, service: Service) -> Iterator[Fault]:
    seen = {USERNAME_FILE, PASSWORD_FILE, TOKEN_FILE}
    for i, secret in enumerate(service.secrets):
        name = secret_file(secret.env)
        if name in seen:
            yield Fault(where, f"secrets[{i}].env", f"there is a file {name} already", "Choose another variable name")
        seen.add(name)


def _service_faults(where: str, service: Service, known_names: Sequence[str]) -> Iterator[Fault]:
    yield from _resource_faults(where, service)
    yield from _scale_faults(where, service)
    yield from _env_faults(where, service)
    yield from _file_faults(where, service)
    if service.shutdown.drain >= service.shutdown.grace:
        problem = f"{service.shutdown.grace} s leave no time to stop after {service.shutdown.drain} s of draining"
        yield Fault(where, "shutdown.grace", problem, f"Set it above {service.shutdown.drain}")
    for i, egress in enumerate(service.network.egress):
        yield from _cidr_fault(where, f"network.egress[{i}].cidr", egress.cidr)
        if not egress.ports:
            yield Fault(where, f"network.egress[{i}].ports", "names no port", "List the ports, as in [443]")
    for name in service.network.calls:
        if name == service.name:
            yield Fault(where, "network.calls", "a service need not be allowed to call itself", f"Remove {name}")
        elif name not in known_names:
            yield Fault(
                where,
                "network.calls",
                f"{name!r} is no service",
                nearest(name, [n for n in known_names if n != service.name]),
            )


def _twice(claims: Iterable[Claim]) -> Iterator[Fault]:
    names: dict[str, list[str]] = defaultdict(list)
    paths: dict[str, list[str]] = defaultdict(list)
    for where, name, own in claims:
        names[name].append(where)
        for path in own:
            paths[path.rstrip("/") or "/"].append(where)
    for name, files in names.items():
        if len(files) > 1:
            yield Fault(
                files[-1], "name", f"{name!r} is also the service of {', '.join(files[:-1])}", "Rename one of them"
            )
    for path, owners in paths.items():
        if len(owners) > 1:
            others = ", ".join(dict.fromkeys(owners[:-1]))
            yield Fault(owners[-1], "paths", f"{path} is also a path of {others}", "Give each path to one service")


def relation_faults(
    services: Sequence[Located], known_names: Sequence[str], broken: Sequence[Claim] = ()
) -> list[Fault]:
    """Find what is wrong inside and between services, whatever stage they go to.

    `broken` are the claims of services with faults of their own: their names and paths count all the same.
    """
    faults = [fault for where, service in services for fault in _service_faults(where, service, known_names)]
    claims = [(where, service.name, tuple(service.paths)) for where, service in services]
    return [*faults, *_twice(sorted([*claims, *broken]))]


def _image_faults(where: str, service: Service, target: Target) -> Iterator[Fault]:
    reference = target.images.get(service.image, service.image)
    if DIGEST.search(reference) or (target.guess and service.image in target.images):
        return
    if service.image in target.images:
        problem, mend = (
            f"{reference} names no digest",
            "Publish the image first, and refer to it by name@sha256:<digest>",
        )
    elif "/" in service.image or ":" in service.image:
        problem, mend = f"{service.image} names no digest", "A tag can be moved: write name@sha256:<digest>"
    else:
        problem, mend = f"there is no image {service.image!r}", nearest(service.image, list(target.images) or ["none"])
    yield Fault(where, "image", problem, mend)


def _secret_faults(where: str, service: Service, target: Target) -> Iterator[Fault]:
    for name, keys in secret_names(service, target).items():
        if name not in target.secrets:
            yield Fault(where, "secrets", f"the secret {name} was not handed over", "Create it in Secrets Manager")
            continue
        for key in sorted(keys - set(target.secrets[name])):
            yield Fault(where, "secrets", f"the secret {name} has no key {key!r}", "Add the key to its JSON object")


def _store_faults(where: str, service: Service, target: Target) -> Iterator[Fault]:
    stores: tuple[tuple[str, bool, Store | None], ...] = (
        ("database", service.database, target.database),
        ("redis", service.redis, target.redis),
    )
    for need, wanted, store in stores:
        if wanted and store is None:
            yield Fault(
                where, need, f"this stage has no {need}", f"Bring up the data stores first, or drop {need}: true"
            )
        if wanted and store is not None and not store.host:
            yield Fault(
                where, need, f"the {need} has no host name", f"Bring up the data stores first, or drop {need}: true"
            )
    if service.database and target.database and not target.database.ca:
        yield Fault(where, "database", "there is no CA to verify the server with", "Set ca_file of the database")


def target_faults(services: Sequence[Located], target: Target) -> list[Fault]:
    """Find what is wrong between the services and the stage they go to."""
    faults: list[Fault] = []
    if target.namespace == "default" or target.namespace.startswith("kube-"):
        faults.append(
            Fault("namespace", "", f"{target.namespace} belongs to the cluster", "Give the services their own")
        )
    elif not re.fullmatch(DNS_LABEL, target.namespace):
        faults.append(
            Fault(
                "namespace", "", f"{target.namespace!r} cannot be a namespace", "Use lower-case letters, digits and -"
            )
        )
    for name, value in target.ingress_annotations.items():
        if not isinstance(value, str):
            faults.append(Fault("ingress annotations", name, f"{value!r} is not a text", "Put it in quotes"))
    for key, cidrs in (("caller_cidrs", target.caller_cidrs), ("store_cidrs", target.store_cidrs)):
        faults += [fault for cidr in cidrs for fault in _cidr_fault(key, cidr, cidr)]
    for where, service in services:
        faults += _image_faults(where, service, target)
        if not target.guess:
            faults += _store_faults(where, service, target)
            faults += _secret_faults(where, service, target)
        if service.paths and not target.ingress_class and not target.guess:
            faults.append(
                Fault(
                    where, "paths", "the cluster has no ingress class", "Install an ingress controller, or drop paths"
                )
            )
        if service.hpa and not target.metrics:
            mend = f"Install metrics-server, or set service_overrides.{service.name}.hpa to null"
            faults.append(Fault(where, "hpa", "the cluster has no metrics to scale by", mend))
    return faults


def node_faults(services: Sequence[Located], nodes: Sequence[Mapping[str, Any]]) -> list[Fault]:
    """Find what a service insists on that no node has: its pods would wait for ever."""
    known = {key for node in nodes for key in node["metadata"].get("labels") or {}}
    return [
        Fault(
            where,
            f"spread.{over}",
            f"no node has the label {label}, so that no pod could be placed",
            "Label the nodes (k3s_server_node_labels, k3s_agent_node_labels), or write prefer",
        )
        for where, service in services
        for over, label in TOPOLOGY.items()
        if getattr(service.spread, over) == "require" and label not in known
    ]
