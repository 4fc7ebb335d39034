"""pg_dump and pg_restore: the right major, secrets by file, and no process left behind."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgToolError

BEAT = 1.0
TAIL = 12


def find_client(major: int, folder: str = "") -> tuple[Path | None, int]:
    """The folder of the wanted client, and the major that was found (0: none)."""
    candidates = (
        [Path(folder)] if folder else [Path(f"/usr/lib/postgresql/{major}/bin"), Path(f"/usr/pgsql-{major}/bin")]
    )
    on_path = shutil.which("pg_dump")
    if not folder and on_path:
        candidates.append(Path(on_path).parent)
    found = 0
    for candidate in candidates:
        if not (candidate / "pg_dump").exists() or not (candidate / "pg_restore").exists():
            continue
        said = subprocess.run([str(candidate / "pg_dump"), "--version"], capture_output=True, text=True, check=False)
        match = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
        found = int(match.group(1)) if match else 0
        if found == major:
            return candidate, found
    return None, found


def passfile_line(where: Endpoint) -> str:
    """A line of libpq's password file: colons and backslashes are escaped, nothing else is special."""
    fields = ("*", "*", "*", where.username, where.password)
    return ":".join(part.replace("\\", "\\\\").replace(":", "\\:") for part in fields) + "\n"


def service_section(where: Endpoint, options: str) -> str:
    lines = [f"{key}={value}" for key, value in where.parameters().items()]
    if options:
        lines.append(f"options={options}")
    return "\n".join([f"[{where.side}]", *lines, ""])


@contextlib.contextmanager
def client_environment(folder: Path, where: Endpoint, application: str, options: str = "") -> Iterator[dict[str, str]]:
    """Write the connection of one side to files only we can read; they are gone afterwards."""
    private = folder / f"{where.side}.connection"
    shutil.rmtree(private, ignore_errors=True)
    private.mkdir(mode=0o700)
    try:
        for filename, content in (("service", service_section(where, options)), ("pass", passfile_line(where))):
            descriptor = os.open(private / filename, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
                handle.write(content)
        yield {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LC_ALL": "C.UTF-8",
            "PGSERVICEFILE": str(private / "service"),
            "PGPASSFILE": str(private / "pass"),
            "PGAPPNAME": application,
            "PGCONNECT_TIMEOUT": "10",
        }
    finally:
        shutil.rmtree(private, ignore_errors=True)


def run(
    argv: Sequence[str],
    environment: dict[str, str],
    log: Path,
    beat: Callable[[], None] = lambda: None,
) -> None:
    """Run to the end; its messages go to a file, and the last of them into the error."""
    # A client that outlives a killed runner would go on writing to the target behind the next run's back.
    leash = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as messages:
        process = subprocess.Popen(
            [*leash, *argv], env=environment, stdin=subprocess.DEVNULL, stdout=messages, stderr=messages, umask=0o077
        )
        try:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(BEAT)
                beat()
        finally:
            _stop(process)
    if process.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-TAIL:]
        raise PgToolError(f"{Path(argv[0]).name} ended with {process.returncode}: " + " | ".join(tail))


def _stop(process: subprocess.Popen[bytes], patience: float = 10.0) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    deadline = time.monotonic() + patience
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
    if process.poll() is None:
        process.kill()
        process.wait()
