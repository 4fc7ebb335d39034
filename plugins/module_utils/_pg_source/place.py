"""Where the server runs: one way to run a command beside it, whichever machine or container that is.

Statements, passwords and files go by standard input: an argument list can be read by every user of the host.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.model import APPLICATION

# The first line of standard input is the password. Nothing but psql sees it.
PSQL = """
IFS= read -r secret; [ -z "$secret" ] || { PGPASSWORD=$secret; export PGPASSWORD; }; unset secret
PGDATABASE=$1 PGUSER=$2 PGAPPNAME=$3; export PGDATABASE PGUSER PGAPPNAME; shift 3
exec "$@" -X -q -A -t -w -v ON_ERROR_STOP=1 -v VERBOSITY=terse -P pager=off -f -
"""
READ = 'cat -- "$1"'
# Replaced in one step where its folder allows; a file that is mounted by itself can only be written over.
WRITE = """
set -eu
umask 077
file=$(readlink -f -- "$1" || printf %s "$1"); new=$file.platform-new
trap 'rm -f -- "$new"' EXIT
if { [ ! -e "$file" ] || cp -p -- "$file" "$new"; } 2>/dev/null && cat > "$new"; then
    mv -- "$new" "$file" 2>/dev/null || cat -- "$new" > "$file"
else
    exit 1
fi
"""
FREE = 'df -Pk -- "$1/pg_wal/."'
TIMEOUT = 60.0


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return " ".join((self.err.strip() or self.out.strip()).split())[:600]


def run(argv: Sequence[str], stdin: str = "", timeout: float = TIMEOUT) -> Done:
    """Run a command without a terminal: one would change the stream."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": os.environ.get("HOME", "/")}
    environment |= {
        name: os.environ[name] for name in ("DOCKER_HOST", "CONTAINERS_CONF", "CONTAINER_HOST") if name in os.environ
    }
    try:
        ended = subprocess.run(
            list(argv),
            input=stdin.encode(),
            capture_output=True,
            timeout=timeout,
            env=environment,
            cwd="/",
            check=False,
        )
    except FileNotFoundError:
        raise PgError(f"{argv[0]} is not on this host") from None
    except subprocess.TimeoutExpired:
        raise PgError(f"{argv[0]} did not end within {timeout:.0f} s ({' '.join(argv[1:3])})") from None
    return Done(ended.returncode, ended.stdout.decode(errors="replace"), ended.stderr.decode(errors="replace"))


@dataclass
class Place:
    """A way to run commands as the owner of the data. `prefix` leads there, `psql` is the client beside the server."""

    label: str
    prefix: tuple[str, ...]
    psql: tuple[str, ...]
    username: str
    password: str
    data_directory: str = ""

    def shell(self, script: str, *words: str, stdin: str = "") -> Done:
        return run([*self.prefix, "sh", "-c", script, "sh", *words], stdin)

    def ask(self, statements: str, dbname: str = "") -> str:
        """Run SQL as the administrator; the answer is what it printed."""
        done = self.shell(
            PSQL, dbname or "postgres", self.username, APPLICATION, *self.psql, stdin=f"{self.password}\n{statements}\n"
        )
        if done.code:
            said = done.said.replace(self.password, "********") if self.password else done.said
            raise PgError(f"PostgreSQL in {self.label}: {said}. Mend: {self._mend(said)}")
        return done.out.strip()

    @staticmethod
    def _mend(said: str) -> str:
        for sign, mend in (
            ("password", "give admin_password, the password of the superuser"),
            ("does not exist", "give admin_username, the name of a superuser (POSTGRES_USER of the container)"),
            ("No such file", "the server is not running, or still starting"),
            ("not permitted", "give admin_username, the name of a superuser"),
            ("permission denied", "give admin_username, the name of a superuser"),
        ):
            if sign in said:
                return mend
        return "see the server's log"

    def read(self, path: str) -> str:
        done = self.shell(READ, path)
        if done.code:
            raise PgError(f"{path} in {self.label} cannot be read: {done.said}")
        return done.out

    def write(self, path: str, text: str) -> None:
        """A new file is private; one that was there keeps its owner and mode."""
        done = self.shell(WRITE, path, stdin=text)
        if done.code:
            raise PgError(
                f"{path} in {self.label} cannot be written: {done.said}. Mend: let the owner of the data write it"
                " (a read-only mount of the file, for one)"
            )

    def free_bytes(self) -> int | None:
        """Space for WAL; None where nobody can tell."""
        done = self.shell(FREE, self.data_directory)
        fields = done.out.splitlines()[-1].split() if done.code == 0 and done.out.strip() else []
        return int(fields[3]) * 1024 if len(fields) > 3 and fields[3].isdigit() else None
