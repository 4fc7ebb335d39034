"""The schema of the snapshot: dumped once, its first half restored at once, its second half cut into single statements."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.tools import client_environment, find_client, run
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import MARKER_SCHEMA
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import facts
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.plan import Entry
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import target as restore_target
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import toc
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.apply import RESTORE_OPTIONS
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import MARKER_SCHEMA as RESTORE_SCHEMA

if TYPE_CHECKING:
    import psycopg

# A target that is closed to its applications is filled all the same.
WRITABLE = "-c default_transaction_read_only=off"
DUMP_OPTIONS = ("--format=custom", "--compress=0", "--schema-only", "--no-publications", "--no-subscriptions", "--lock-wait-timeout=60s",
                f"--exclude-schema={MARKER_SCHEMA}", f"--exclude-schema={RESTORE_SCHEMA}")  # fmt: skip
ARCHIVE, LIST = "schema.dump", "schema.list"

# One entry of `pg_restore --list`, and the comment before the same entry in its verbose output.
LISTED = re.compile(r"^(?P<id>\d+); (?P<class>\d+) (?P<oid>\d+) (?P<rest>.*)$")
HEADER = re.compile(
    r"^--\n-- TOC entry (?P<id>\d+) \(class \d+ OID \d+\)\n(?:-- Dependencies: [\d ]*\n)?-- Name: [^\n]*\n(?:-- Data Pos: \d+\n)?--\n",
    re.MULTILINE,
)
# psql's own commands, which newer minor versions put at both ends, are no SQL.
META = re.compile(r"^\\(?:un)?restrict .*$", re.MULTILINE)
KINDS = ("FK CONSTRAINT", "CHECK CONSTRAINT", "CONSTRAINT", "INDEX ATTACH", "INDEX")


def client(context: Context, session: psycopg.Connection[Any]) -> Path:
    """The folder of the client of the target's major version."""
    major = session.info.server_version // 10000
    folder, found = find_client(major, context.settings.client_folder)
    if folder is None:
        raise MigrationError(
            f"the runner's PostgreSQL client is {found or 'missing'}, {major} is needed. Mend: run role data_runner"
        )
    return folder


def restore_first_half(context: Context, session: psycopg.Connection[Any], snapshot: str) -> list[Entry]:
    """Types, functions, tables; what is to be built after the rows comes back. `session` is on the target, empty of our content."""
    tools, folder = client(context, session), context.journal.folder
    with client_environment(folder, context.ends.source, context.application) as environment:
        arguments = [*DUMP_OPTIONS, f"--snapshot={snapshot}", f"--file={folder / ARCHIVE}", "--dbname=service=source"]
        run([str(tools / "pg_dump"), *arguments], environment, folder / "dump.log")
    owners = _prepare(context, session)
    listed = _listed(tools, folder, owners, session)
    with client_environment(folder, context.ends.target, context.application, WRITABLE) as environment:
        arguments = [
            *RESTORE_OPTIONS,
            f"--jobs={context.settings.jobs}",
            "--section=pre-data",
            f"--use-list={folder / LIST}",
        ]
        run(
            [str(tools / "pg_restore"), *arguments, "--dbname=service=target", str(folder / ARCHIVE)],
            environment,
            folder / "pre-data.log",
        )
    found = list(_entries(tools, folder, listed))
    (folder / ARCHIVE).unlink()
    return found


def _prepare(context: Context, session: psycopg.Connection[Any]) -> dict[str, str]:
    with context.source() as there:
        extensions, owners = facts.extensions(there), facts.schema_owners(there)
    restore_target.add_extensions(session, extensions)
    return owners


def _listed(
    tools: Path, folder: Path, owners: dict[str, str], session: psycopg.Connection[Any]
) -> dict[int, tuple[int, str]]:
    """Entries that are restored, by their number in the archive: OID on the source, and the rest of the line."""
    said = _output(tools, "--list", str(folder / ARCHIVE))
    present, foreign = restore_target.schemas(session)
    keep, _ = toc.filter_entries(said.splitlines(), owners, present, foreign)
    (folder / LIST).touch(mode=0o600)
    (folder / LIST).write_text("\n".join(keep) + "\n", encoding="utf-8")
    matches = (LISTED.match(line) for line in keep)
    return {int(match["id"]): (int(match["oid"]), match["rest"]) for match in matches if match}


def _output(tools: Path, *arguments: str) -> str:
    said = subprocess.run(
        [str(tools / "pg_restore"), *arguments], capture_output=True, text=True, encoding="utf-8", check=False
    )
    if said.returncode:
        raise MigrationError(f"pg_restore {arguments[0]}: {said.stderr.strip()}")
    return said.stdout


def _entries(tools: Path, folder: Path, listed: dict[int, tuple[int, str]]) -> Iterator[Entry]:
    chosen = ("--section=post-data", *RESTORE_OPTIONS, f"--use-list={folder / LIST}", str(folder / ARCHIVE))
    expected = [
        int(match["id"]) for line in _output(tools, "--list", *chosen).splitlines() if (match := LISTED.match(line))
    ]
    found = split(_output(tools, "--verbose", "--file=-", *chosen))
    if [entry for entry, _ in found] != expected:
        raise MigrationError(
            "the dump's text does not follow its own list: a definition or comment looks like one of pg_dump's headers"
        )
    for number, (entry, statement) in enumerate(found):
        oid, rest = listed[entry]
        kind = next((kind for kind in KINDS if rest.startswith(kind + " ")), rest.partition(" ")[0])
        yield Entry(number, kind, rest.rpartition(" ")[0], statement, oid)


def split(text: str) -> list[tuple[int, str]]:
    """The verbose output cut at its comments: number of the entry in the archive, and its statements."""
    headers = list(HEADER.finditer(text))
    if not headers:
        return []
    ends = [header.start() for header in headers[1:]] + [len(text)]
    found = []
    for header, end in zip(headers, ends, strict=True):
        statement = META.sub("", text[header.end() : end])
        lines = [line for line in statement.splitlines() if not line.startswith("-- Completed on ")]
        found.append(
            (
                int(header["id"]),
                "\n".join(lines).strip().removesuffix("--\n-- PostgreSQL database dump complete\n--").strip(),
            )
        )
    return found
