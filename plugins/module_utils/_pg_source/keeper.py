"""Stopping and starting the server by whoever keeps it, and touching its settings while it is down."""

from __future__ import annotations

import io
import os
import re
import signal
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import locate
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.container import Container
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.locate import Service
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.place import Done, Place, run
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.server import await_that

AUTO = "postgresql.auto.conf"
BOOTED = Path("/run/systemd/system")
TELLING = re.compile(r"(FATAL|PANIC|ERROR|HINT|DETAIL|could not|invalid)")


class Keeper(Protocol):
    """What keeps a server."""

    @property
    def how(self) -> str: ...

    def restart(self) -> None: ...

    def start(self) -> None: ...

    def alive(self) -> bool: ...

    def read_auto(self) -> str: ...

    def write_auto(self, text: str) -> None: ...

    def reason(self) -> str: ...


def telling(log: str) -> str:
    """The lines of a log that say why."""
    lines = [line.strip() for line in log.splitlines() if TELLING.search(line)]
    return " | ".join((lines or log.strip().splitlines())[-4:])[:800]


@dataclass
class ServiceKeeper:
    """A server of the host: by its systemd unit, by Debian's cluster, or by pg_ctl."""

    service: Service
    place: Place
    timeout: float
    log: str = ""  # where the server writes

    def __post_init__(self) -> None:
        if not self.log:
            self.log = self._stderr()
        self.seen = self._size()

    def _stderr(self) -> str:
        try:
            target = os.readlink(f"/proc/{self.service.pid}/fd/2")
        except OSError:
            return ""
        return target if target.startswith("/") and Path(target).is_file() else ""

    def _size(self) -> int:
        try:
            return Path(self.log).stat().st_size if self.log else 0
        except OSError:
            return 0

    def _argv(self, verb: str) -> list[str]:
        if self.service.unit and BOOTED.exists():
            return ["systemctl", verb, self.service.unit]
        if self.service.cluster:
            version, name = self.service.cluster.split("/")
            mode = ["--mode", "fast"] if verb == "restart" else []
            return ["pg_ctlcluster", *mode, version, name, verb, "--", "-t", str(int(self.timeout))]
        # A log of our own where there is none: the server would hold our output open for ever.
        words = [
            f"{self.service.binaries}/pg_ctl",
            "-D",
            self.service.data_directory,
            "-t",
            str(int(self.timeout)),
            "-w",
        ]
        words += ["-l", self.log or f"{self.service.data_directory}/platform_source.log"]
        return [*self.place.prefix, *words, *(["-m", "fast"] if verb == "restart" else []), verb]

    @property
    def how(self) -> str:
        return " ".join(self._argv("restart"))

    def _do(self, verb: str) -> Done:
        return run(self._argv(verb), timeout=2 * self.timeout + 30)

    def restart(self) -> None:
        self._do("restart")  # a server that is slow to come is no error yet: who waits for it finds out

    def start(self) -> None:
        if not self.alive():
            self._do("start")

    def alive(self) -> bool:
        return locate.service(self.service.data_directory) is not None

    def read_auto(self) -> str:
        return self.place.read(f"{self.service.data_directory}/{AUTO}")

    def write_auto(self, text: str) -> None:
        self.place.write(f"{self.service.data_directory}/{AUTO}", text)

    def reason(self) -> str:
        try:
            with Path(self.log).open("rb") as log:
                log.seek(self.seen)
                return telling(log.read(65536).decode(errors="replace"))
        except OSError:
            unit = self.service.unit
            return (
                telling(run(["journalctl", "-u", unit, "-n", "30", "-o", "cat"]).out)
                if unit
                else "its log is not known"
            )


@dataclass
class ContainerKeeper:
    """The same container again: its image, its volumes and its network stay what they are."""

    container: Container
    place: Place
    timeout: float
    stop_timeout: int
    owner: tuple[int, int]  # of the data, inside

    @property
    def _engine(self) -> str:
        return self.container.engine

    @property
    def grace(self) -> int:
        """Never shorter than its own; a kill would be a crash."""
        return max(self.container.stop_timeout, self.stop_timeout)

    @property
    def how(self) -> str:
        if self.container.stop_signal in (signal.SIGINT, signal.SIGQUIT):
            return (
                f"{self._engine} stop -t {self.grace} {self.container.name}; {self._engine} start {self.container.name}"
            )
        return f"{self._engine} kill --signal SIGINT {self.container.name}; {self._engine} start {self.container.name}"

    def _now(self) -> Container:
        return locate.inspect(self._engine, self.container.id)

    def _must(self, *words: str, timeout: float = 60.0) -> None:
        done = run([self._engine, *words, self.container.id], timeout=timeout)
        if done.code:
            raise PgError(f"{self._engine} {words[0]} {self.container.name}: {done.said}")

    def restart(self) -> None:
        if self.container.stop_signal in (signal.SIGINT, signal.SIGQUIT):
            self._must("stop", "-t", str(self.grace), timeout=self.grace + 60)
        else:
            # SIGTERM waits for every client to leave, and is a kill in the end. SIGINT is PostgreSQL's fast shutdown.
            self._must("kill", "--signal", "SIGINT")
            if not await_that(self._gone, self.grace):
                raise PgError(
                    f"{self.container.name} has not stopped within {self.grace} s of SIGINT and was left alone."
                    f" Mend: see '{self._engine} logs {self.container.name}'"
                )
        self.start()

    def _gone(self) -> bool:
        now = self._now()
        return not now.running or now.started != self.container.started

    def start(self) -> None:
        self._must("start")
        now = self._now()
        if now.image != self.container.image:
            raise PgError(
                f"{self.container.name} runs another image now ({now.image[:12]}, was {self.container.image[:12]})"
            )

    def alive(self) -> bool:
        return self._now().running

    def _auto(self) -> str:
        return f"{self.container.id}:{self.place.data_directory}"

    def read_auto(self) -> str:
        """By the engine, since a command needs a container that runs. As text: this file is never binary."""
        if self.alive():
            return self.place.read(f"{self.place.data_directory}/{AUTO}")
        return _unpacked(self._engine, f"{self._auto()}/{AUTO}")

    def write_auto(self, text: str) -> None:
        run(
            [self._engine, "stop", "-t", str(self.grace), self.container.id], timeout=self.grace + 60
        )  # a restart policy tries on
        _packed(self._engine, self._auto(), text, self.owner)

    def reason(self) -> str:
        done = run([self._engine, "logs", "--tail", "40", self.container.id])
        return telling(done.out + done.err)


def _unpacked(engine: str, path: str) -> str:
    done = run([engine, "cp", path, "-"])
    if done.code:
        raise PgError(f"{engine} cp {path}: {done.said}")
    with tarfile.open(fileobj=io.BytesIO(done.out.encode())) as archive:
        member = archive.extractfile(AUTO)
        return member.read().decode() if member else ""


def _packed(engine: str, folder: str, text: str, owner: tuple[int, int]) -> None:
    raw = text.encode()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo(AUTO)
        entry.size, entry.mode, (entry.uid, entry.gid) = len(raw), 0o600, owner
        archive.addfile(entry, io.BytesIO(raw))
    # To both engines the default is to keep or to change owners, each its own way.
    keep = ["--archive=false"] if engine == "podman" else []
    done = run([engine, "cp", *keep, "-", folder], stdin=stream.getvalue().decode())
    if done.code:
        raise PgError(f"{engine} cp {AUTO}: {done.said}")
