"""Finding the server: a container of Docker or Podman, or a service of this host. By looking, never by guessing."""

from __future__ import annotations

import json
import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import container as description
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.container import Container
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.place import run

ENGINES = ("docker", "podman")
USUAL = ("/var/lib/postgresql/*/*", "/var/lib/pgsql/data", "/var/lib/pgsql/*/data")
CHOOSE = "Mend: postgres_source_container names a container or its compose service, postgres_source_data_directory a service's folder"


@dataclass(frozen=True)
class Service:
    """A server of this host, as its postmaster.pid describes it."""

    data_directory: str
    pid: int
    port: int
    socket: str
    owner: str
    binaries: str
    unit: str  # of systemd, when its name says that it is PostgreSQL's or a cluster manager's
    cluster: str = ""  # Debian's "15/main"

    @property
    def label(self) -> str:
        return f"service {self.cluster or self.data_directory}"


@dataclass(frozen=True)
class Choice:
    """What the caller said of where to look."""

    where: str = "auto"  # auto, service, container
    container: str = ""
    engine: str = "auto"
    data_directory: str = ""


def inspect(engine: str, name: str) -> Container:
    done = run([engine, "inspect", "--type", "container", name])
    if done.code:
        raise PgError(f"{engine} knows no container {name}: {done.said}")
    return description.parse(engine, json.loads(done.out)[0])


def containers(choice: Choice) -> tuple[list[Container], list[str]]:
    """Every container of every engine, and what an engine said instead."""
    found: dict[str, Container] = {}
    silent = []
    for engine in ENGINES if choice.engine == "auto" else (choice.engine,):
        if shutil.which(engine) is None:
            continue
        if choice.container and (named := run([engine, "inspect", "--type", "container", choice.container])).code == 0:
            return [description.parse(engine, json.loads(named.out)[0])], []
        listed = run([engine, "ps", "--all", "--no-trunc", "--quiet"])
        if listed.code:
            silent.append(f"{engine}: {listed.said}")
            continue
        if names := listed.out.split():
            told = json.loads(run([engine, "inspect", "--type", "container", *names]).out or "[]")
            for one in told:
                found.setdefault(
                    str(one["Id"]), description.parse(engine, one)
                )  # `docker` may be Podman by another name
    return list(found.values()), silent


def _unit(pid: int) -> str:
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
    except OSError:
        return ""
    last = groups.strip().rsplit("/", 1)[-1]
    known = ("postgres", "patroni", "repmgr", "pacemaker")
    return last if last.endswith(".service") and any(word in last for word in known) else ""


def service(folder: str) -> Service | None:
    """The running server of a data directory."""
    data = Path(folder)
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        pid = int(lines[0])
        program = os.readlink(f"/proc/{pid}/exe")
        owner = pwd.getpwuid(data.stat().st_uid).pw_name
    except (OSError, ValueError, IndexError, KeyError):
        return None
    if Path(program.removesuffix(" (deleted)")).name not in ("postgres", "postmaster"):
        return None
    parts = data.parts
    debian = len(parts) == 6 and parts[:4] == ("/", "var", "lib", "postgresql")
    cluster = f"{parts[4]}/{parts[5]}" if debian else _debian(folder)
    return Service(folder, pid, int(lines[3]), lines[4], owner, str(Path(program).parent), _unit(pid), cluster)


def _clusters() -> dict[str, str]:
    """Debian's clusters: data directory to "version/name"."""
    if shutil.which("pg_lsclusters") is None:
        return {}
    rows = (line.split() for line in run(["pg_lsclusters", "--no-header"]).out.splitlines())
    return {row[5]: f"{row[0]}/{row[1]}" for row in rows if len(row) > 5}


def _debian(folder: str) -> str:
    return _clusters().get(folder, "")


def services(choice: Choice) -> list[Service]:
    if choice.data_directory:
        folders = {choice.data_directory}
    else:
        usual = {str(path) for pattern in USUAL for path in Path("/").glob(pattern.lstrip("/"))}
        folders = usual | set(_clusters())
    return [one for one in map(service, sorted(folders)) if one]


def locate(choice: Choice) -> Container | Service:
    """The one server that was meant."""
    silent: list[str] = []
    candidates: list[Container | Service] = []
    stopped: list[str] = []
    if choice.where != "service" and not choice.data_directory:
        every, silent = containers(choice)
        if choice.container:
            chosen = [one for one in every if choice.container in (one.name, one.id)]
            every = chosen or [one for one in every if choice.container == one.service]
        else:
            every = [one for one in every if one.is_postgres]
        candidates += [one for one in every if one.running]
        stopped = [f"{one.label} is {one.status}" for one in every if not one.running]
    if choice.where != "container" and not choice.container:
        candidates += services(choice)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise PgError(f"several servers run here: {', '.join(one.label for one in candidates)}. {CHOOSE}")
    sought = choice.container or choice.data_directory or "PostgreSQL"
    details = "; ".join([*stopped, *silent])
    raise PgError(f"no running {sought} was found on this host{f' ({details})' if details else ''}. {CHOOSE}")
