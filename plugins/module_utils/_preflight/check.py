"""All checks of one stage, in one pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._preflight import (
    addresses,
    bounds,
    controller,
    files,
    images,
    membership,
    migration,
    names,
    needs,
    nodes,
    relations,
    settings,
    types,
)
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.catalogue import Catalogue
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault, Later

NAME = {
    "pattern": r"(?=.{1,16}$)[a-z](-?[a-z0-9])*",
    "says": "up to 16 lower-case letters, digits and single hyphens between them, with a letter first",
}
REGION = {"pattern": r"[a-z]{2}(-[a-z]+)+-\d", "says": "the name of a region, such as ap-northeast-2"}
PLATFORM: Mapping[str, Mapping[str, str]] = {
    "platform_project": NAME,
    "platform_stage": NAME,
    "platform_data_stage": NAME,
    "platform_region": REGION,
    "platform_state_dir": {
        "pattern": r"(/|~/).+",
        "says": "the whole path of a directory on the controller, from / or ~ on",
    },
    "platform_services_dir": {"pattern": r".+", "says": "a directory on the controller"},
}


class UnknownValueError(Exception):
    """A value that is known only later in the run, or that refers to something undefined."""

    def __init__(self, reason: str, later: bool) -> None:
        super().__init__(reason)
        self.later = later


@dataclass(frozen=True)
class Stage:
    """The inventory as preflight sees it."""

    groups: Mapping[str, Sequence[str]]
    names: Mapping[str, Sequence[str]]  # the variables set for each host
    value: Callable[[str, str], Any]  # (host, name) -> value; raises UnknownValueError
    default: Callable[[Any], Any]  # a role default -> value; raises UnknownValueError
    holds: Callable[[str], bool]  # a condition of a play; true where it cannot be known yet
    tags: Sequence[str] = ()  # those that the run was asked for
    # A value whose parts are known only later, with Later in their place.
    parts: Callable[[str, str], Any] = lambda _host, _name: Later()
    sources: Sequence[addresses.Source] = ()  # the files that ask AWS for the addresses of hosts
    files: Sequence[files.VariableFile] = ()  # the files that hold variables of groups and hosts
    absent: needs.Absent = lambda _names: ()  # which of these secrets AWS does not have; none where it is not asked


def check(stage: Stage, catalogue: Catalogue) -> Iterator[Fault]:
    """Yield every fault that the inputs alone can show."""
    played = {play.group for play in catalogue.plays}
    addressed = [host for host, found in stage.names.items() if "ansible_host" in found]
    yield from relations.check_groups(stage.groups, played, addressed)
    yield from membership.check_names(stage.groups, catalogue.groups | played)
    yield from membership.check_cluster(stage.groups)
    yield from migration.check_sources(catalogue.playbook, stage.groups)
    yield from files.check_files(stage.files, stage.groups, catalogue.groups | played)
    account = next(iter(stage.groups.get("platform", [])), "")
    if not account:
        return
    yield from _platform(stage, account)
    yield from membership.check_found(stage.groups, stage.names, _platform_values(stage, account))
    yield from addresses.check_sources(
        stage.sources, _platform_values(stage, account), bool(stage.groups.get("ec2_hosts"))
    )
    known = catalogue.options()
    for host, found in stage.names.items():
        yield from names.misspelt(found, known, catalogue.roles)
        yield from _values(stage, host, [name for name in found if name in known], known)
    yield from migration.check_verb(stage.tags, _verbs(stage, account), _choices(known))
    yield from _required(stage, catalogue)
    active = catalogue.active(stage.groups)
    views = list(_views(stage, catalogue, account, active))
    for values in views:
        yield from relations.check_ranges(values)
        yield from bounds.check_pairs(values)
        yield from relations.check_hosts(values, bool(stage.groups.get("ec2_hosts")))
        if "k3s_common" in active:
            yield from settings.check_k3s(values)
            yield from settings.check_binary(values)
    if "k3s_common" in active:
        told = {host: _told(stage, host, nodes.READ) for host in stage.names}
        yield from nodes.check(stage.groups, told, catalogue.roles["k3s_common"].defaults)
    yield from _of_account(stage, views[0], active)


def hints(stage: Stage, catalogue: Catalogue) -> Iterator[str]:
    """Yield what looks like a slip and may be meant."""
    found = {name for of_host in stage.names.values() for name in of_host}
    if unread := list(names.unread(found, catalogue.options(), catalogue.roles)):
        yield f"No role reads {', '.join(unread)}. Where that is not a variable of your own, the options are in the roles' READMEs."
    yield from files.hints(stage.files, stage.groups, catalogue.groups | {play.group for play in catalogue.plays})


def _of_account(stage: Stage, values: Mapping[str, Any], active: Collection[str]) -> Iterator[Fault]:
    """Check the settings of roles that run at the account alone."""
    if "network" in active:
        yield from settings.check_vpc(values)
        yield from settings.check_zones(values)
    if "secrets" in active:
        yield from settings.check_secrets(values)
    if "elasticache_redis" in active:
        yield from settings.check_redis(values)
    if "container_image" in active:
        yield from images.check(values)
        yield from controller.check_engine(str(values.get("container_image_engine", "auto")))
    if "service_deploy" in active:
        yield from controller.check_services(values, stage.groups, stage.absent)


def _platform(stage: Stage, account: str) -> Iterator[Fault]:
    for name, rule in PLATFORM.items():
        if name not in stage.names[account]:
            if name == "platform_data_stage":
                continue  # this stage's own
            if name != "platform_services_dir" or stage.groups.get("services"):
                yield Fault(name, "is missing", f"set it in group_vars/all.yml to {rule['says']}")
            continue
        try:
            value = stage.value(account, name)
        except UnknownValueError as error:
            yield Fault(name, str(error), f"set it to {rule['says']}")
            continue
        if not isinstance(value, str) or not re.fullmatch(rule["pattern"], value):
            yield Fault(name, f"is {value!r}", f"set it to {rule['says']}")


def _platform_values(stage: Stage, account: str) -> dict[str, Any]:
    return _told(stage, account, PLATFORM)


def _choices(known: Mapping[str, Mapping[str, Any]]) -> Sequence[str]:
    return [str(verb) for name in names.SURVEY if name in known for verb in known[name].get("choices", ())]


def _verbs(stage: Stage, account: str) -> dict[str, Any]:
    """Return what the variables say that the run shall do."""
    found = {}
    for name in {*names.SURVEY, *names.SURVEY.values()} & set(stage.names[account]):
        with suppress(UnknownValueError):
            found[name] = stage.value(account, name)
    return found


def _known(stage: Stage, host: str, name: str) -> Any:
    """Return a value, or of one that waits for a fact of the run what stands beside that."""
    try:
        return stage.value(host, name)
    except UnknownValueError as error:
        if not error.later:
            raise
    return stage.parts(host, name)


def _values(stage: Stage, host: str, found: Sequence[str], known: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    for name in found:
        try:
            value = _known(stage, host, name)
        except UnknownValueError as error:
            yield Fault(name, str(error), "define that variable, or correct its name")
            continue
        yield from types.check(name, value, known[name])
        yield from bounds.check(name, value, known[name])
        yield from migration.check(name, value)


def _required(stage: Stage, catalogue: Catalogue) -> Iterator[Fault]:
    for play in catalogue.plays:
        hosts = stage.groups.get(play.group, [])
        reached = (inner for use in play.roles for inner in catalogue.reached(use))
        uses = [use for use in reached if hosts and use.name in catalogue.roles and all(map(stage.holds, use.when))]
        for use in uses:
            role = catalogue.roles[use.name]
            for name in sorted(role.needs(use) - play.variables):
                lacking = [host for host in hosts if name not in stage.names.get(host, [])]
                if lacking:
                    yield _missing(name, role.name, role.options[name].get("description", ""), lacking)


def _missing(name: str, role: str, about: Any, hosts: Sequence[str]) -> Fault:
    text = about if isinstance(about, str) else " ".join(about)
    what = f"is missing; role {role} needs it on {', '.join(hosts)}"
    return Fault(name, what, f"set it in group_vars/all.yml. {text}".rstrip())


def _told(stage: Stage, host: str, wanted: Collection[str]) -> dict[str, Any]:
    """Return what the user set at a host, as far as it is known."""
    values = {}
    for name in set(wanted) & set(stage.names[host]):
        with suppress(UnknownValueError):
            values[name] = stage.value(host, name)
    return values


def _views(stage: Stage, catalogue: Catalogue, account: str, active: Collection[str]) -> Iterator[dict[str, Any]]:
    """Yield for each host, the account first, what every option of the active roles is there.

    That is the user's value at the host, else at the account or another host, else the role's own.
    """
    defaults = {}
    wanted = [(name, role) for role in map(catalogue.roles.__getitem__, sorted(active)) for name in role.options]
    for name, role in wanted:
        with suppress(UnknownValueError, KeyError):
            defaults[name] = stage.default(role.defaults[name])
    hosts = [account, *(host for host in stage.names if host != account)]
    for here in hosts:
        values: dict[str, Any] = {}
        for name, _role in wanted:
            host = next((host for host in [here, *hosts] if name in stage.names[host]), "")
            with suppress(UnknownValueError, KeyError):
                values[name] = stage.value(host, name) if host else defaults[name]
        yield values
