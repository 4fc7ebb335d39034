"""From the parameters of the module to its result."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._service import kubeconfig, output, report
from ansible_collections.tiketi.platform.plugins.module_utils._service.api import Cluster
from ansible_collections.tiketi.platform.plugins.module_utils._service.apply import Deployer, Options, Outcome
from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import (
    ApiError,
    Fault,
    InvalidServicesError,
    KubeconfigError,
    RolloutError,
    ServiceError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._service.jobs import Writer
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Service, Store, Target
from ansible_collections.tiketi.platform.plugins.module_utils._service.parse import BAD, parse
from ansible_collections.tiketi.platform.plugins.module_utils._service.plan import change
from ansible_collections.tiketi.platform.plugins.module_utils._service.render import render, service_of
from ansible_collections.tiketi.platform.plugins.module_utils._service.scrub import Scrubber
from ansible_collections.tiketi.platform.plugins.module_utils._service.validate import (
    node_faults,
    relation_faults,
    target_faults,
)

Params = Mapping[str, Any]


def hide_only_secrets(values: set[str], params: Params) -> set[str]:
    """Leave out of the masked values what the public parameters say anyway.

    A user name that is also the project's name would otherwise turn the report into asterisks.
    """
    public = json.dumps({key: value for key, value in params.items() if key != "secrets"}, default=str)
    names = {str(secret["username"]) for secret in (params["secrets"] or {}).values() if secret.get("username")}
    return {value for value in values if not (value in names and value in public)}


def _ca(path: str | None, faults: list[Fault], key: str, guess: bool) -> str:
    if not path or (guess and not Path(path).is_file()):
        return ""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        faults.append(
            Fault(key, "ca_file", f"{path} cannot be read: {error}", "Name the file with the CA certificates")
        )
        return ""
    if "-----BEGIN CERTIFICATE-----" not in text:
        faults.append(Fault(key, "ca_file", f"{path} holds no certificate", "Name a PEM file"))
    return text


def _store(params: Params, key: str, faults: list[Fault], guess: bool) -> Store | None:
    given = params[key]
    if not given:
        return None
    return Store(
        host=given["host"],
        port=given["port"],
        secret=given["secret"],
        name=given.get("name") or "",
        tls=given.get("tls", True),
        ca=_ca(given.get("ca_file"), faults, key, guess),
    )


def _target(params: Params, faults: list[Fault], guess: bool) -> Target:
    ingress, callers = params["ingress"] or {}, params["callers"] or {}
    return Target(
        namespace=params["namespace"],
        project=params["project"],
        images=params["images"],
        ingress_class=ingress.get("class_name") or "",
        ingress_host=ingress.get("host") or "",
        ingress_tls_secret=ingress.get("tls_secret") or "",
        ingress_annotations=ingress.get("annotations") or {},
        caller_namespaces=tuple(callers.get("namespaces") or ()),
        caller_cidrs=tuple(callers.get("cidrs") or ()),
        store_cidrs=tuple(params["store_cidrs"]),
        database=_store(params, "database", faults, guess),
        redis=_store(params, "redis", faults, guess),
        secret_prefix=params["secret_prefix"],
        secrets=params["secrets"],
        metrics=params["metrics"],
        guess=guess,
    )


def checked(params: Params, guess: bool = False) -> tuple[list[Service], Target]:
    """Turn the parameters into services and their target, or raise InvalidServicesError with everything that is wrong."""
    faults: list[Fault] = []
    target = _target(params, faults, guess)
    located: list[tuple[str, Service]] = []
    for i, definition in enumerate(params["services"]):
        where = f"service {definition.get('name', i)}"

        def note(path: str, problem: str, mend: str, where: str = where) -> None:
            faults.append(Fault(where, path, problem, mend))

        service = parse(Service, definition, "", note)
        if service is not BAD:
            located.append((where, service))
    if not params["services"]:
        # Pruning would take this for the wish to delete everything.
        faults.append(Fault("services", "", "no service is given", "Name the folder of the service files"))
    faults += relation_faults(located, [str(item.get("name")) for item in params["services"]])
    faults += target_faults(located, target)
    if faults:
        raise InvalidServicesError(faults)
    return [service for _where, service in located], target


def _node_faults(services: Sequence[Service], cluster: Writer) -> list[Fault]:
    """Ask for the nodes only where a service insists on where its pods stand."""
    insisting = [(f"service {s.name}", s) for s in services if "require" in (s.spread.zone, s.spread.node)]
    try:
        nodes = cluster.list("Node", "") if insisting else []
    except ApiError as error:
        # Who may deploy into a namespace need not be allowed to see the nodes.
        if error.status != 403:
            raise
        nodes = []
    # A cluster that makes its nodes by need may have none yet.
    return node_faults(insisting, nodes) if nodes else []


def _speaker(path: str | None, scrubber: Scrubber) -> Callable[[str], None]:
    def say(line: str) -> None:
        if path:
            with open(path, "a", encoding="utf-8") as file:
                file.write(scrubber.text(line) + "\n")

    return say


def _connect(params: Params) -> Writer:
    return Cluster(kubeconfig.load(params["kubeconfig"], params["context"] or ""))


def run(
    params: Params, check: bool, diff: bool = False, connect: Callable[[Params], Writer] | None = None
) -> dict[str, Any]:
    """Deploy; return the result of the module or raise a ServiceError."""
    if not params["kubeconfig"] and not check:
        raise KubeconfigError(
            "no cluster is known: the kubeconfig is empty. Run the play that makes the cluster in the same run"
        )
    services, target = checked(params, guess=check)
    rendered = render(services, target)
    scrubber = Scrubber(target.secrets)
    # In check mode the cluster itself may be one of the things that are not there yet.
    unborn = check and not connect and not Path(params["kubeconfig"]).is_file()
    cluster = None if unborn else (connect or _connect)(params)
    if cluster is not None and (faults := _node_faults(services, cluster)):
        raise InvalidServicesError(faults)
    options = Options(check=check, prune=params["prune"], undo=params["undo"], timeout=params["timeout"])
    try:
        if cluster is None:
            outcome = Outcome([change(None, obj) for obj in rendered])
        else:
            outcome = Deployer(cluster, target, options, _speaker(params["progress_file"], scrubber)).run(rendered)
    except InvalidServicesError:
        raise
    except ServiceError as error:
        raise ServiceError(scrubber.text(str(error))) from None
    written = (
        output.write(params["render_dir"], report.files(rendered, service_of), check) if params["render_dir"] else []
    )
    result = {
        "changed": outcome.changed or bool(written),
        "objects": report.objects(outcome.changes),
        "rendered": written,
        **({"diff": report.differences(outcome.changes)} if diff else {}),
    }
    if outcome.lost:
        raise RolloutError(
            report.failure(outcome, services, options.undo, scrubber), {**result, "lost": _lost(outcome, scrubber)}
        )
    return {**result, "services": report.summary(services, target)}


def _lost(outcome: Outcome, scrubber: Scrubber) -> list[dict[str, str]]:
    return [
        {"service": item.service, "reason": scrubber.text(item.text), "undone": outcome.undone.get(item.service, "")}
        for item in outcome.lost
    ]
